from tests.api.conftest import Panel, read_error


async def test_preflight_is_answered_for_any_origin(panel: Panel) -> None:
    response = await panel.client.options(
        "/streams/channel/demo/switch-type",
        headers={"Origin": "http://panel.example", "Access-Control-Request-Method": "POST"},
    )
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


async def test_answers_and_errors_may_be_read_by_pages_of_any_origin(panel: Panel) -> None:
    for path in ("/health", "/auth/me", "/nowhere"):
        response = await panel.client.get(path)
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_unknown_path_and_method_are_errors_in_the_same_shape(panel: Panel) -> None:
    response = await panel.client.get("/nowhere")
    assert await read_error(response, 404) == "Cannot GET /nowhere"
    response = await panel.client.delete("/health")
    await read_error(response, 405)
    assert "GET" in response.headers["Allow"]
