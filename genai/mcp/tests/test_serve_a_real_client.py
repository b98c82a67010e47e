"""The official Python client against a running server, in the revision with a handshake and in the one without."""

import asyncio
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from genai.tracing.models import AgentRun
from remediation.tests.cases import alert, host

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def url(live_server: Any) -> str:
    return f"{live_server.url}/mcp"


def talk(url: str, token: str, mode: str, work: Any) -> Any:
    async def whole() -> Any:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
        async with http, Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            return await work(client)

    return asyncio.run(whole())


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_it_connects_lists_and_calls(url, operator, token_of, mode):
    token = token_of(operator, "genai:use", "monitoring:read")
    fires = alert(resource=host(), annotations={"summary": "The disk is 97 % full."})

    async def work(client: Any) -> tuple[Any, Any, Any]:
        return client.protocol_version, await client.list_tools(), await client.call_tool("alerts", {"severity": "high"})

    version, listed, called = talk(url, token, mode, work)
    assert version == {"legacy": "2025-11-25", "auto": "2026-07-28"}[mode]
    assert {"alerts", "query_metrics", "topology"} <= {one.name for one in listed.tools}
    assert all(one.annotations.read_only_hint for one in listed.tools)
    assert not called.is_error
    assert fires.summary in called.content[0].text
    assert "/evidence/" in called.content[1].text
    assert AgentRun.objects.filter(agent__key="mcp", state="done").count() == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_errors_reach_the_client_as_what_they_are(url, operator, token_of, mode):
    token = token_of(operator, "genai:use", "monitoring:read")

    async def work(client: Any) -> tuple[Any, Any]:
        wrong = await client.call_tool("query_metrics", {"query": "rate("})
        with pytest.raises(MCPError) as unknown:
            await client.call_tool("delete_everything", {})
        return wrong, unknown.value

    wrong, unknown = talk(url, token, mode, work)
    assert wrong.is_error
    assert "cannot be answered" in wrong.content[0].text
    assert unknown.error.code == -32602


def test_a_stranger_does_not_connect(url):
    with pytest.raises((Exception, BaseExceptionGroup)):
        talk(url, "aio_wrong_token", "legacy", lambda client: client.list_tools())
    assert not AgentRun.objects.exists()
