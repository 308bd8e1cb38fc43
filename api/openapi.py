"""The OpenAPI 3.1 document of the endpoints, from the models that validate what they take. No I/O."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from awazpulse.channels.public_urls import CHANNEL_ID

from .endpoints import Access, Endpoint
from .problems import CONTENT_TYPE, Problem, find_kind

_REF = "#/components/schemas/{model}"
_BEARER = "bearer"
_PATH_FIELD = re.compile(r"\{(\w+)\}")
_DESCRIPTION = """\
Everything is JSON in camelCase; times are UTC in ISO 8601. Sign in by `POST /auth/login` and send the
token as `Authorization: Bearer TOKEN`. An error is a problem detail (RFC 9457) whose `detail` says what
to do.
"""

Schema = dict[str, Any]


def describe_api(endpoints: Iterable[Endpoint]) -> Schema:
    """Return the document; what is for the command line or the panel alone is left out."""
    shown = [endpoint for endpoint in endpoints if endpoint.access.is_documented]
    schemas, definitions = _collect_schemas(shown)
    paths: dict[str, Schema] = {}
    for endpoint in shown:
        operations = paths.setdefault(endpoint.path, {})
        operations[endpoint.method.lower()] = _describe(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AwazPulse",
            "version": version("awazpulse"),
            "description": _DESCRIPTION,
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in shown)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


_Key = tuple[type[BaseModel], JsonSchemaMode]


def _collect_schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[_Key, Schema], Schema]:
    models: dict[_Key, None] = {(Problem, "serialization"): None}
    for endpoint in endpoints:
        for answer in _list_answers(endpoint):
            models[answer, "serialization"] = None
        for taken in (endpoint.body, endpoint.query):
            if taken is not None:
                models[taken, "validation"] = None
    found, whole = models_json_schema(list(models), ref_template=_REF)
    schemas: dict[Any, Schema] = dict(found)
    return schemas, whole.get("$defs", {})


def _describe(endpoint: Endpoint, schemas: dict[_Key, Schema]) -> Schema:
    operation: Schema = {
        "operationId": _name(endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": " ".join(
            (f"For {endpoint.access.value}.", *endpoint.description.split())
        ).strip(),
        "parameters": _list_parameters(endpoint),
        "responses": {
            str(status.value): _describe_success(endpoint, schemas) | {"description": status.phrase}
            for status in (endpoint.status, *endpoint.other_successes)
        },
        "security": [{_BEARER: []}] if endpoint.access.needs_user else [],
        "x-access": endpoint.access.name.lower(),
    }
    if endpoint.body is not None:
        content: Schema = {"application/json": {"schema": schemas[endpoint.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.body_content:
        operation["requestBody"] = {"required": True, "content": dict(endpoint.body_content)}
    problem = {CONTENT_TYPE: {"schema": schemas[Problem, "serialization"]}}
    for status in sorted(_list_errors(endpoint)):
        operation["responses"][str(status.value)] = {
            "description": status.phrase,
            "content": problem,
        }
    return operation


def _describe_success(endpoint: Endpoint, schemas: dict[_Key, Schema]) -> Schema:
    success: Schema = {"description": endpoint.status.phrase}
    content = dict(endpoint.content)
    answers = [schemas[answer, "serialization"] for answer in _list_answers(endpoint)]
    if endpoint.is_nullable:
        answers.append({"type": "null"})
    if answers:
        schema = answers[0] if len(answers) == 1 else {"anyOf": answers}
        if endpoint.is_list:
            schema = {"type": "array", "items": schema}
        content["application/json"] = {"schema": schema}
    if content:
        success["content"] = content
    return success


def _list_answers(endpoint: Endpoint) -> tuple[type[BaseModel], ...]:
    return (*((endpoint.answer,) if endpoint.answer is not None else ()), *endpoint.others)


def _list_parameters(endpoint: Endpoint) -> list[Schema]:
    listed: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": _describe_path_field(name)}
        for name in _PATH_FIELD.findall(endpoint.path)
    ]
    if endpoint.query is not None:
        schema = endpoint.query.model_json_schema(by_alias=True, ref_template=_REF)
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            shown = {"name": name, "in": "query", "required": name in required}
            if "description" in field:
                shown["description"] = field.pop("description")
            listed.append({**shown, "schema": field})
    return listed


def _describe_path_field(name: str) -> Schema:
    if name == "id":
        return {"type": "string", "pattern": f"^{CHANNEL_ID.pattern}$"}
    return {"type": "string"}


def _list_errors(endpoint: Endpoint) -> set[HTTPStatus]:
    """Return the statuses of an endpoint's errors, those that its checks bring included."""
    errors = {find_kind(refusal).status for refusal in endpoint.refusals}
    errors |= {*endpoint.statuses, HTTPStatus.SERVICE_UNAVAILABLE}
    if endpoint.access.needs_user:
        errors.add(HTTPStatus.UNAUTHORIZED)
    if endpoint.access.needs_user and endpoint.access is not Access.USER:
        errors.add(HTTPStatus.FORBIDDEN)
    if endpoint.access.needs_channel or _PATH_FIELD.search(endpoint.path):
        errors.add(HTTPStatus.NOT_FOUND)
    errors.add(HTTPStatus.BAD_REQUEST)  # a request that is not what its headers say
    if endpoint.body is not None or endpoint.body_content:
        errors |= {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    return errors


def _name(endpoint: Endpoint) -> str:
    """Return a name for generated clients: getStreamsChannelActiveType, getUsersOne."""
    path = endpoint.path.removesuffix("{id}") + ("one" if endpoint.path.endswith("{id}") else "")
    words = re.findall(r"[A-Za-z]+", _PATH_FIELD.sub("", path))
    return endpoint.method.lower() + "".join(word.capitalize() for word in words)
