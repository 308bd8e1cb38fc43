import re

from api.contract import render_page
from tests.api.conftest import Panel


async def test_the_page_shows_every_endpoint_and_loads_nothing(panel: Panel) -> None:
    response = await panel.client.get("/docs")
    assert response.status == 200
    assert response.content_type == "text/html"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    page = await response.text()
    document = await (await panel.client.get("/openapi.json")).json()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    assert not re.findall(r"<(?:script|link|img|iframe)", page)
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page)


async def test_links_of_the_page_lead_to_schemas_that_it_shows(panel: Panel) -> None:
    page = await (await panel.client.get("/docs")).text()
    for name in re.findall(r'href="#(\w+)"', page):
        assert f'id="{name}"' in page


def test_what_the_document_says_is_escaped() -> None:
    operation = {
        "tags": ["<tag>"],
        "summary": "<b>bold</b>",
        "description": "a & b",
        "parameters": [],
        "responses": {},
    }
    page = render_page(
        {
            "info": {"title": "<T>", "description": "<d>"},
            "tags": [{"name": "<tag>"}],
            "paths": {"/<path>": {"get": operation}},
            "components": {"schemas": {}},
        }
    )
    for text in ("<tag>", "<b>bold", "<T>", "<d>", "/<path>"):
        assert text not in page
