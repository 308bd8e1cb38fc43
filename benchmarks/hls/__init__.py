"""What `benchmarks.hls_delivery` runs beside itself: a channel on air, wrk, and the players."""
