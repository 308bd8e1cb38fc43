"""AwazPulse puts radio stations on air: OBS and BUTT in, HLS and Icecast out."""
