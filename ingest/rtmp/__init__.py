"""RTMP: a sans-IO protocol, and its asyncio shell in `connection.py` and `server.py`.

Written after RTMP 1.0 (Adobe, 2012), Action Message Format 0, FLV 10.1 annex E and Enhanced RTMP
v2. From the wire inwards: `handshake`, `chunk_stream`, `messages` and `link`; then what messages
hold: `amf0`, `commands` and `metadata`, `flv_audio` with `aac_reader` and `mp3_reader`; then
`protocol`, which puts them together. Outside of it stand `connection` and `server`.
"""
