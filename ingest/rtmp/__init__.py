"""RTMP: a sans-IO protocol, and its asyncio shell in `connection.py` and `server.py`.

Written after RTMP 1.0 (Adobe, 2012), Action Message Format 0, FLV 10.1 annex E and Enhanced RTMP
v2. From the wire inwards: `handshake`, `chunk_stream`, `messages`, `link`, then `amf0`, `commands`,
`metadata`, `flv_audio`, then `protocol`, which puts them together; outside of it `connection` and
`server`.
"""
