import json
from typing import Any

from api.app import list_endpoints
from api.endpoints import Access
from api.openapi import describe_api
from tests.api.conftest import Panel


async def read_document(panel: Panel) -> dict[str, Any]:
    response = await panel.client.get("/openapi.json")
    assert response.status == 200
    document: dict[str, Any] = await response.json()
    return document


async def test_every_route_is_described_but_those_of_the_command_line_and_the_panel(
    panel: Panel,
) -> None:
    document = await read_document(panel)
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert panel.client.app is not None
    routes = {
        (route.method, route.resource.canonical)
        for route in panel.client.app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "OPTIONS")
    }
    assert {path for _, path in routes - described} == {
        "/",
        "/favicon.ico",
        "/listen/{id}",
        "/listen/{id}/manifest.webmanifest",
        "/panel/files/{version}/{name}",
        "/panel/login",
        "/panel/logout",
        "/panel/password",
        "/panel/refresh",
        "/internal/channels/{id}/refresh",
        "/internal/channels/{id}/switch-type",
    }
    assert described <= routes


async def test_every_reference_leads_somewhere(panel: Panel) -> None:
    document = await read_document(panel)
    schemas = document["components"]["schemas"]

    def walk(value: object) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                assert reference.removeprefix("#/components/schemas/") in schemas
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(document)
    assert document["openapi"] == "3.1.0"


async def test_operations_have_names_of_their_own_and_say_who_may_call_them(panel: Panel) -> None:
    operations = [
        operation
        for methods in (await read_document(panel))["paths"].values()
        for operation in methods.values()
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        needs_user = operation["x-access"] != "anyone"
        assert bool(operation["security"]) is needs_user
        assert ("401" in operation["responses"]) is needs_user or "401" in operation["responses"]


async def test_names_in_json_are_camel_case(panel: Panel) -> None:
    document = await read_document(panel)
    for schema in document["components"]["schemas"].values():
        for name in schema.get("properties", {}):
            assert "_" not in name


def test_the_document_is_the_same_each_time() -> None:
    assert Access.COMMAND_LINE.needs_user is False
    assert json.dumps(describe_api([])) == json.dumps(describe_api([]))
    assert callable(list_endpoints)
