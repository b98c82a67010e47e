"""Who may read, send and clean up: viewer, operator, admin, stranger, and tokens narrower than their owner."""

import pytest
from django.test import Client

from monitoring.measurements.tests.conftest import fact
from monitoring.store.windows import HOUR, MINUTE, now_ms

pytestmark = pytest.mark.django_db
READS = [
    "vms", "vms/vm-1/metrics", "facts", "facts/latest", "facts/statistics", "stats", "completeness", "missing-data", "metrics",
    "latest_metrics",
]  # fmt: skip
FACT = fact(now_ms() - MINUTE)
SENDS = [("facts", FACT), ("facts/batch", [FACT])]


@pytest.fixture
def addresses(keep):
    t = now_ms() - HOUR
    sid = keep(("vm-1", t, "cpu", 1)).sids[0]
    return [f"/api/v1/{path}" for path in (*READS, f"facts/{sid}-{t}")]


def codes(client, addresses):
    return {address: client.get(address).status_code for address in addresses}


def sent(client):
    return [client.post(f"/api/v1/{path}", body, content_type="application/json").status_code for path, body in SENDS]


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_reads(role, request, api, client_of, addresses):
    user = request.getfixturevalue(role)
    assert codes(api(user, "monitoring:read"), addresses) == dict.fromkeys(addresses, 200)
    assert codes(client_of(user), addresses) == dict.fromkeys(addresses, 200)


def test_a_stranger_may_nothing(addresses):
    client = Client()
    assert set(codes(client, addresses).values()) == {401}
    assert sent(client) == [401, 401]
    assert client.post("/api/v1/cleanup").status_code == 401


def test_a_viewer_does_not_send_nor_clean_up(viewer, api, addresses):
    assert sent(api(viewer, "monitoring:read")) == [403, 403]
    assert api(viewer, "monitoring:read").delete("/api/v1/cleanup").status_code == 403


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_who_may_send_sends_and_who_may_change_cleans_up(role, request, api, addresses):
    user = request.getfixturevalue(role)
    assert sent(api(user, "metrics:write")) == [201, 200]
    assert api(user, "monitoring:write").post("/api/v1/cleanup").status_code == 200


def test_an_ingest_token_sends_and_nothing_else(operator, addresses):
    from accounts import tokens
    from accounts.models import TokenKind

    raw = tokens.issue(operator, "sender", [], kind=TokenKind.INGEST)[1]
    client = Client(headers={"Authorization": f"Bearer {raw}"})
    assert sent(client) == [201, 200]
    assert set(codes(client, addresses).values()) == {403}
    assert client.post("/api/v1/cleanup").status_code == 403


def test_a_session_needs_the_csrf_token_to_send(operator, addresses):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert sent(client) == [403, 403]
