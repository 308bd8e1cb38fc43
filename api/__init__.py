"""Port 3000: the JSON API. Imports none of `ingest`, `icecast_compat` and `hls`."""
