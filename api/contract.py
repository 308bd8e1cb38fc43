"""`/openapi.json`, and `/docs`, which shows the same to people without loading anything."""

import html
import json
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from .endpoints import Access, Call, Endpoint
from .openapi import describe_api

_STYLE = """\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:1rem}
h2{margin-top:2.5rem;text-transform:capitalize}
details{border:1px solid #8886;border-radius:.5rem;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}
b{display:inline-block;min-width:4.2rem;font-family:ui-monospace,monospace}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow:auto;background:#8882;border-radius:.4rem;padding:.6rem}
table{border-collapse:collapse;width:100%}
td{border-top:1px solid #8884;padding:.25rem .75rem .25rem 0;vertical-align:top}
"""


class ContractRoutes:
    """/openapi.json and /docs; `list_all` is asked once, when one of them is first read."""

    def __init__(self, list_all: Callable[[], Sequence[Endpoint]]) -> None:
        self._list_all = list_all
        self._document: dict[str, Any] | None = None

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/openapi.json",
                handler=self._get_document,
                access=Access.ANYONE,
                tag="contract",
                summary="This document",
                content={"application/json": {"schema": {"type": "object"}}},
            ),
            Endpoint(
                method="GET",
                path="/docs",
                handler=self._get_page,
                access=Access.ANYONE,
                tag="contract",
                summary="This document as a page",
                content={"text/html": {"schema": {"type": "string"}}},
            ),
        ]

    def _describe(self) -> dict[str, Any]:
        if self._document is None:
            self._document = describe_api(self._list_all())
        return self._document

    async def _get_document(self, _call: Call) -> web.Response:
        return web.json_response(self._describe(), headers={"Cache-Control": "no-cache"})

    async def _get_page(self, _call: Call) -> web.Response:
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        return web.Response(
            text=render_page(self._describe()),
            content_type="text/html",
            headers={"Cache-Control": "no-cache", "Content-Security-Policy": policy},
        )


def render_page(document: dict[str, Any]) -> str:
    """Return the document as one page of HTML."""
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    sections = "".join(
        f"<h2>{_escape(tag['name'])}</h2>"
        + "".join(_render(*entry) for entry in operations if tag["name"] in entry[2]["tags"])
        for tag in document["tags"]
    )
    schemas = "".join(
        f'<details id="{_escape(name)}"><summary><code>{_escape(name)}</code></summary>'
        f"{_render_json(schema)}</details>"
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_escape(info['title'])} API</h1><p>{_escape(info['description'])}</p>"
        '<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>'
        f"{sections}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _render(path: str, method: str, operation: dict[str, Any]) -> str:
    fields = "".join(
        f"<tr><td><code>{_escape(field['name'])}</code></td><td>{_escape(field['in'])}</td>"
        f"<td>{_escape(field.get('description', ''))} {_render_schema(field['schema'])}</td></tr>"
        for field in operation["parameters"]
    )
    body = "".join(
        f"<tr><td><code>{_escape(media_type)}</code></td><td>body</td>"
        f"<td>{_render_schema(content.get('schema', {}))}</td></tr>"
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<tr><td>{_escape(status)}</td><td>{_escape(answer['description'])}</td><td>"
        + " ".join(
            _render_schema(content.get("schema", {}))
            for content in answer.get("content", {}).values()
        )
        + "</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<details><summary><b>{_escape(method.upper())}</b> <code>{_escape(path)}</code>"
        f" {_escape(operation['summary'])}</summary><p>{_escape(operation['description'])}</p>"
        f"<table>{fields}{body}{answers}</table></details>"
    )


def _render_schema(schema: dict[str, Any]) -> str:
    reference = str(schema.get("$ref", ""))
    if reference:
        name = _escape(reference.rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    shown = {key: value for key, value in schema.items() if key != "title"}
    return f"<code>{_escape(json.dumps(shown))}</code>" if shown else ""


def _render_json(schema: dict[str, Any]) -> str:
    return f"<pre>{_escape(json.dumps(schema, indent=2))}</pre>"


def _escape(text: object) -> str:
    return html.escape(str(text))
