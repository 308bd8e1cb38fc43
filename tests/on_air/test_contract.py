"""The API does what its OpenAPI document says, whatever it is sent."""

import sys
from pathlib import Path

from tests.on_air.server import Server, run

_EXAMPLES = 15  # of each operation, besides the borders of each field, which are always tried
_TIMEOUT_S = 300
# Events have no end, which a test of their own looks at. No schema can say which bytes are an audio file.
_CONFIG = """
[parameters]
"path.id" = "demo"

[[operations]]
include-name = "PUT /streams/channel/{id}/fallback"
checks.positive_data_acceptance.enabled = false
""" + "".join(
    # Nor that one time is before another.
    f"""
[[operations]]
include-name = "GET /streams/channel/{{id}}/{name}"
checks.positive_data_acceptance.enabled = false
"""
    for name in ("sessions", "history", "report")
)


async def test_the_api_keeps_to_its_openapi_document(server: Server, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(_CONFIG)
    program = str(Path(sys.executable).with_name("schemathesis"))
    status, out, err = await run(
        *(program, "--config-file", str(tmp_path / "schemathesis.toml"), "run"),
        server.url("api", "/openapi.json"),
        *("--exclude-path-regex", "events$"),
        *("--header", f"Authorization: Bearer {await server.token()}"),
        *("--max-examples", str(_EXAMPLES), "--seed", "1", "--no-color"),
        timeout_s=_TIMEOUT_S,
    )
    assert status == 0, out + err
    assert " passed" in out
    assert not [line for line in server.log if "failed" in line or "Traceback" in line]
