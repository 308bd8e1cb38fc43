"""The whole server with the key of another issuer: in a file, as text, and wrong."""

from pathlib import Path

import pytest

from tests.awazpulse.channels.test_issuer_tokens import RSA, pem_of, sign
from tests.on_air.server import AWAZPULSE, environment, run, serving


@pytest.mark.parametrize("form", ["file", "text", "one line"])
async def test_tokens_of_an_issuer_are_taken_with_its_key_in_any_form(
    tmp_path: Path, form: str
) -> None:
    pem = pem_of(RSA)
    (tmp_path / "sso.pem").write_text(pem)
    key = {"file": str(tmp_path / "sso.pem"), "text": pem, "one line": pem.replace("\n", "\\n")}[
        form
    ]
    settings = {"JWT_PUBLIC_KEY": key, "JWT_AUDIENCE": "radio"}
    async with serving(tmp_path / "data", **settings) as server:
        token = sign(sub=server.card["owner"]["email"])
        status, answer = await server.request("GET", "/auth/me", token)
        assert (status, answer["email"]) == (200, server.card["owner"]["email"])
        assert (await server.request("GET", "/auth/me", await server.token()))[0] == 200
        assert (await server.request("GET", "/auth/me", token[:-8]))[0] == 401


@pytest.mark.parametrize("key", ["missing.pem", "-----BEGIN PUBLIC KEY-----", "."])
async def test_wrong_key_ends_the_start_with_one_line_that_names_it(
    tmp_path: Path, key: str
) -> None:
    env = environment(tmp_path / "data", JWT_PUBLIC_KEY=key)
    status, _, errors = await run(*AWAZPULSE, "serve", env=env)
    assert status == 2
    assert errors.startswith("awazpulse: AWAZPULSE_JWT_PUBLIC_KEY: ")
    assert errors.count("\n") == 1
