"""Makes channels in the database that the environment names: `... prepare COUNT hls|icecast`.

Prints their credentials and an access token of their owner, as JSON.
"""

import asyncio
import json
import sys

from awazpulse.app import Core
from awazpulse.channels.passwords import generate_password
from awazpulse.settings import load_settings

_OWNER = "bench@localhost"
_MAX_LISTENERS = 100_000


async def prepare(count: int, stream_type: str) -> dict[str, object]:
    core = Core(load_settings())
    try:
        await core.migrate()
        owner = await core.accounts.create(_OWNER, generate_password())
        credentials = []
        for number in range(count):
            channel = await core.catalog.create(f"bench{number}", "Benchmark", _OWNER)
            await core.catalog.set(channel.id, {"maxListeners": _MAX_LISTENERS})
            if stream_type != "hls":
                await core.manager.switch_stream_type(channel.id, stream_type)
            credentials.append(dict((await core.catalog.get_credentials(channel.id)).to_json()))
    finally:
        await core.database.close()
    return {"secrets": credentials, "token": core.tokens.issue(owner).text}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(prepare(int(sys.argv[1]), sys.argv[2]))))
