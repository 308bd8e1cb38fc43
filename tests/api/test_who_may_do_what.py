"""Every endpoint of the OpenAPI document, asked by everybody: none can be forgotten."""

import re
from typing import Any, NamedTuple

from awazpulse.channels.tokens import Tokens
from tests.api.conftest import Panel
from tests.awazpulse.channels.support import SECRET_KEY


class Operation(NamedTuple):
    method: str
    path: str
    access: str


async def list_operations(panel: Panel) -> list[Operation]:
    document: dict[str, Any] = await (await panel.client.get("/openapi.json")).json()
    listed = [
        Operation(method.upper(), re.sub(r"\{\w+\}", "demo", path), operation["x-access"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert all("{" not in operation.path for operation in listed), listed
    assert {operation.access for operation in listed} >= {"anyone", "user", "owner"}
    return listed


async def ask(panel: Panel, operation: Operation, headers: dict[str, str]) -> int:
    """Return the status; a request that says nothing is refused by its access or by its body."""
    async with panel.client.request(
        operation.method, operation.path, headers=headers, data=b"?"
    ) as response:
        return response.status


async def test_without_a_token_only_public_endpoints_answer(panel: Panel) -> None:
    expired = Tokens(SECRET_KEY, wall_clock=lambda: 1e9).issue(panel.radio.owner).text
    foreign = Tokens("the key of another server").issue(panel.radio.owner).text
    for operation in await list_operations(panel):
        for token in ("", "nonsense", expired, foreign):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            status = await ask(panel, operation, headers)
            assert (status == 401) is (operation.access != "anyone"), operation


async def test_another_owner_reaches_nothing_of_a_channel_that_is_not_theirs(panel: Panel) -> None:
    stranger = await panel.add_user("stranger@radio.example")
    for operation in await list_operations(panel):
        status = await ask(panel, operation, stranger)
        is_refused = operation.access in ("owner", "owner_or_admin", "admin")
        assert (status == 403) is is_refused, (operation, status)


async def test_an_administrator_reaches_all_but_secrets(panel: Panel) -> None:
    admin = await panel.add_user("admin@radio.example", "admin")
    for operation in await list_operations(panel):
        status = await ask(panel, operation, admin)
        assert (status == 403) is (operation.access == "owner"), (operation, status)
        assert status != 401, operation


async def test_the_owner_is_refused_only_what_is_for_administrators(panel: Panel) -> None:
    owner = await panel.log_in()
    for operation in await list_operations(panel):
        status = await ask(panel, operation, owner)
        assert (status == 403) is (operation.access == "admin"), (operation, status)
