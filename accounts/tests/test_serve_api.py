import base64

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import audit, throttling, tokens
from accounts.authentication import TokenRefused, bearer_for
from accounts.models import ApiToken, AuditEntry

pytestmark = pytest.mark.django_db


def api(raw):
    return Client(headers={"Authorization": f"Bearer {raw}"})


@pytest.mark.parametrize("way", ["bearer", "token", "basic", "key"])
def test_an_ingest_token_is_accepted_in_every_way_senders_know(operator, way):
    raw = tokens.issue(operator, "agent", [], kind="ingest")[1]
    basic = base64.b64encode(f"telegraf:{raw}".encode()).decode()
    headers = {
        "bearer": {"Authorization": f"Bearer {raw}"},
        "token": {"Authorization": f"Token {raw}"},
        "basic": {"Authorization": f"Basic {basic}"},
        "key": {"X-API-Key": raw},
    }
    answer = Client().get("/api/me/", headers=headers[way])
    assert answer.json()["permissions"] == ["metrics:write"]
    assert answer.json()["token"]["kind"] == "ingest"


def test_an_ingest_token_may_read_nothing(operator):
    raw = tokens.issue(operator, "agent", [], kind="ingest")[1]
    for path in ("/api/tokens/", "/api/audit/", "/api/schema/"):
        assert api(raw).get(path).status_code == 403


def test_an_under_scoped_token_is_403_with_one_sentence_and_audited(admin, token_of):
    answer = api(token_of(admin, "monitoring:read")).get("/api/audit/")
    assert (answer.status_code, answer.json()) == (403, {"error": "This needs the permission audit:read."})
    entry = AuditEntry.objects.get(action="token.refused")
    assert (entry.after["permission"], entry.user_id, entry.address) == ("audit:read", admin.pk, "127.0.0.1")


def test_a_wrong_token_is_401_with_one_sentence_even_beside_a_session(client_of, admin):
    answer = client_of(admin).get("/api/me/", headers={"Authorization": "Bearer aio_wrong"})
    assert (answer.status_code, answer.json()) == (401, {"error": "The token is wrong."})
    assert answer["WWW-Authenticate"] == 'Bearer realm="AIOps"'
    assert AuditEntry.objects.get(action="token.refused").actor == "stranger"


def test_many_wrong_tokens_from_one_address_are_429_while_right_ones_pass(viewer, token_of, monkeypatch):
    monkeypatch.setattr("accounts.authentication.FAILURES_A_MINUTE", 2)
    answers = [api("aio_wrong").get("/api/me/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[2]["Retry-After"]) == 60
    assert api(token_of(viewer, "monitoring:read")).get("/api/me/").status_code == 200


@pytest.mark.parametrize(("scheme", "who"), [(throttling.PerUser, "user"), (throttling.PerAddress, "address")])
def test_requests_beyond_the_rate_are_429(viewer, token_of, monkeypatch, scheme, who):
    monkeypatch.setattr(scheme, "THROTTLE_RATES", {who: "2/hour"})
    monkeypatch.setattr("accounts.throttling.time.time", lambda: 7200.0 + 600)
    answers = [api(token_of(viewer, "monitoring:read")).get("/api/me/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"] == "3000"


def test_endpoints_outside_drf_get_the_same_answers(operator, rf):
    raw = tokens.issue(operator, "agent", [], kind="ingest")[1]
    request = rf.post("/x", headers={"X-API-Key": raw})
    assert bearer_for(request, "metrics:write").user == operator
    assert request.user == operator
    for headers, permission, status in (
        ({}, "metrics:write", 401),
        ({"X-API-Key": "aio_x"}, "metrics:write", 401),
        ({"X-API-Key": raw}, "monitoring:read", 403),
    ):
        with pytest.raises(TokenRefused) as refused:
            bearer_for(rf.post("/x", headers=headers), permission)
        answer = refused.value.response()
        assert answer.status_code == status
        assert ("WWW-Authenticate" in answer) == (status == 401)


# -- /api/tokens/ --------------------------------------------------------------------------------------------------------
def test_a_token_is_created_and_shown_once(client_of, operator):
    browser = client_of(operator)
    answer = browser.post("/api/tokens/", {"name": "ci", "scopes": ["monitoring:read"], "days": 30}, content_type="application/json")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    raw = answer.json()["token"]
    assert api(raw).get("/api/me/").json()["permissions"] == ["monitoring:read"]
    listed = browser.get("/api/tokens/").json()["results"]
    assert [(row["name"], row["ending"], row["state"]) for row in listed] == [("ci", raw[-4:], "valid")]
    assert raw not in str(listed)
    assert "digest" not in listed[0]
    created = AuditEntry.objects.get(action="token.created")
    assert created.after["scopes"] == ["monitoring:read"]
    assert raw.split("_")[2] not in str(created.after)


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "", "scopes": ["monitoring:read"]},
        {"name": "x", "scopes": ["audit:read"]},
        {"name": "x", "scopes": ["nonsense"]},
        {"name": "x", "scopes": "monitoring:read"},
        {"name": "x"},
        {"name": "x", "scopes": ["monitoring:read"], "days": 0},
        {"name": "x", "kind": "root", "scopes": ["monitoring:read"]},
        {"name": "x", "kind": "ingest", "scopes": ["monitoring:read"]},
        [],
    ],
)
def test_a_token_that_cannot_be_made_is_400(client_of, operator, asked):
    answer = client_of(operator).post("/api/tokens/", asked, content_type="application/json")
    assert answer.status_code == 400, answer.json()
    assert answer.json()["error"]
    assert not ApiToken.objects.exists()


def test_a_token_cannot_make_one_wider_than_itself(admin, token_of):
    narrow = api(token_of(admin, "tokens:write", "monitoring:read"))
    made = narrow.post("/api/tokens/", {"name": "x", "scopes": ["monitoring:read"]}, content_type="application/json")
    wider = narrow.post("/api/tokens/", {"name": "x", "scopes": ["audit:read"]}, content_type="application/json")
    ingest = narrow.post("/api/tokens/", {"name": "x", "kind": "ingest"}, content_type="application/json")
    broad = tokens.issue(admin, "broad", ["audit:read"])[0]
    rotated = narrow.post(f"/api/tokens/{broad.pk}/rotate/")
    assert [answer.status_code for answer in (made, wider, ingest, rotated)] == [201, 403, 403, 403]
    assert "audit:read" in wider.json()["error"]


def test_a_token_is_rotated_and_revoked(client_of, operator, django_capture_on_commit_callbacks):
    browser = client_of(operator)
    token, old = tokens.issue(operator, "ci", ["monitoring:read"])
    with django_capture_on_commit_callbacks(execute=True):
        answer = browser.post(f"/api/tokens/{token.pk}/rotate/", {"overlap_hours": 1}, content_type="application/json")
    assert answer.status_code == 201
    assert api(old).get("/api/me/").json()["token"]["state"] == "replaced"
    again = browser.post(f"/api/tokens/{token.pk}/rotate/")
    assert (again.status_code, again.json()["error"]) == (400, "ci is replaced; only a valid token can be rotated.")
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.delete(f"/api/tokens/{token.pk}/").status_code == 204
        assert browser.delete(f"/api/tokens/{token.pk}/").status_code == 204
    refused = api(old).get("/api/me/")
    assert (refused.status_code, refused.json()) == (401, {"error": "The token was revoked."})
    assert api(answer.json()["token"]).get("/api/me/").status_code == 200
    assert AuditEntry.objects.filter(action="token.revoked").count() == 1
    assert AuditEntry.objects.get(action="token.rotated").object_id == str(token.pk)


def test_an_unknown_token_id_is_404(client_of, operator):
    assert client_of(operator).get("/api/tokens/999999/").status_code == 404
    assert client_of(operator).delete("/api/tokens/none/").status_code == 404


# -- /api/audit/, /api/schema/ -------------------------------------------------------------------------------------------
def test_the_trail_is_filtered_and_paged(admin, viewer, token_of):
    for n in range(3):
        audit.record("source.changed", target=f"rack {n}", actor=viewer, after={"n": n})
    reader = api(token_of(admin, "audit:read"))
    cache.clear()
    found = reader.get("/api/audit/?action=source.changed&page_size=2&range=now-1h").json()
    assert (found["count"], len(found["results"])) == (3, 2)
    assert found["results"][0]["object_text"] == "rack 2"
    assert found["results"][0]["after"] == {"n": 2}
    assert reader.get("/api/audit/?q=rack+1").json()["count"] == 1
    assert reader.get(f"/api/audit/{found['results'][0]['id']}/").json()["hash"] == found["results"][0]["hash"]


@pytest.mark.parametrize("query", ["range=yesterday", "from=never", "user=me", "page=0", "from=99999999999999&to=999999999999999"])
def test_filters_that_make_no_sense_are_refused_in_one_sentence(client_of, admin, query):
    answer = client_of(admin).get(f"/api/audit/?{query}")
    assert answer.status_code == (404 if "page" in query else 400)
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_to_the_trail(client_of, admin, method):
    entry = audit.record("thing.made")
    assert getattr(client_of(admin), method)(f"/api/audit/{entry.pk}/").status_code == 405


def test_the_schema_documents_our_endpoints_and_their_refusals(client_of, viewer):
    schema = client_of(viewer).get("/api/schema/", headers={"Accept": "application/json"}).content.decode()
    for part in ("/api/tokens/", "/api/tokens/{id}/rotate/", "/api/audit/", "/api/me/", "bearer", "apiKey", "429"):
        assert part in schema


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_method_that_a_view_does_not_have_is_405(method, admin, client_of, token_of):
    path, browser = "/api/sources/", Client(headers={"Authorization": f"Bearer {token_of(admin, 'monitoring:read')}"})
    answer = getattr(browser, method)(path)
    assert (answer.status_code, answer.json()["error"]) == (405, f'Method "{method.upper()}" not allowed.')
    assert getattr(Client(), method)(path).status_code == 401
