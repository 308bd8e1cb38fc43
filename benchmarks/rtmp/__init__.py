"""What `benchmarks.rtmp_ingest` runs beside itself: the publishers, and the servers' hosts."""
