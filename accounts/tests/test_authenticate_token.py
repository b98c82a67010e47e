import base64
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import authentication, tokens
from accounts.authentication import TokenRefused, authenticate, bearer, judge, token_from_headers
from accounts.models import ApiToken, AuditEntry
from accounts.permissions import can

pytestmark = pytest.mark.django_db


def test_a_token_speaks_for_its_owner_within_its_scopes(operator, token_of):
    found = authenticate(token_of(operator, "monitoring:read"))
    assert found.user == operator
    assert can(found, "monitoring:read")
    assert not can(found, "monitoring:write")


def test_a_scope_never_outlives_the_role_it_came_from(operator, token_of):
    raw = token_of(operator, "monitoring:write")
    operator.role = "viewer"
    operator.save()
    cache.clear()
    assert not can(authenticate(raw), "monitoring:write")


def test_the_database_keeps_no_token(admin, token_of):
    raw = token_of(admin, "monitoring:read")
    kept = " ".join(str(value) for value in ApiToken.objects.values_list().get())
    assert raw not in kept
    assert raw.split("_")[2] not in kept


@pytest.mark.parametrize("raw", ["", "aio_", "aio_x_y", "Bearer", "aio_" + "a" * 12 + "_" + "b" * 43, "ü" * 60])
def test_what_is_no_token_is_refused(raw):
    assert authenticate(raw) is None


def test_a_wrong_secret_of_a_known_token_is_refused(viewer, token_of):
    raw = token_of(viewer, "monitoring:read")
    assert authenticate(raw[:-1] + ("a" if raw[-1] != "a" else "b")) is None


def test_an_unknown_id_is_compared_like_a_known_one(viewer, token_of, monkeypatch):
    compared = []
    monkeypatch.setattr(authentication.hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or a == b)
    authenticate(token_of(viewer, "monitoring:read"))
    authenticate("aio_" + "a" * 12 + "_" + "b" * 43)
    authenticate("nonsense")
    assert compared == [(64, 64)] * 3


def test_an_expired_token_says_when(viewer):
    token, raw = tokens.issue(viewer, "old", ["monitoring:read"])
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(TokenRefused, match="expired on") as refused:
        judge(raw)
    assert refused.value.status == 401


def test_a_token_that_expires_while_cached_ends_on_time(viewer):
    token, raw = tokens.issue(viewer, "old", ["monitoring:read"])
    authenticate(raw)
    held = cache.get(tokens.cache_key(token.public_id))
    held.expires_at = timezone.now() - timedelta(seconds=1)
    cache.set(tokens.cache_key(token.public_id), held)
    assert authenticate(raw) is None


def test_a_look_up_is_cached(viewer, token_of):
    raw = token_of(viewer, "monitoring:read")
    authenticate(raw)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert authenticate(raw)
    assert len(queries) == 0


def test_a_revoked_token_ends_at_once(viewer, django_capture_on_commit_callbacks):
    token, raw = tokens.issue(viewer, "t", ["monitoring:read"])
    assert authenticate(raw)
    with django_capture_on_commit_callbacks(execute=True):
        tokens.revoke(token)
    with pytest.raises(TokenRefused, match="was revoked"):
        judge(raw)


def test_the_tokens_of_a_switched_off_account_end_at_once(viewer, token_of, django_capture_on_commit_callbacks):
    raw = token_of(viewer, "monitoring:read")
    assert authenticate(raw)
    viewer.is_active = False
    with django_capture_on_commit_callbacks(execute=True):
        viewer.save()
    assert authenticate(raw) is None


def test_rotation_leaves_the_old_one_valid_for_the_overlap(viewer, django_capture_on_commit_callbacks):
    token, old = tokens.issue(viewer, "t", ["monitoring:read"], days=30)
    with django_capture_on_commit_callbacks(execute=True):
        successor, new = tokens.rotate(token, overlap_hours=2)
    token.refresh_from_db()
    assert authenticate(old)
    assert authenticate(new)
    assert timedelta(hours=1.9) < token.expires_at - timezone.now() <= timedelta(hours=2)
    assert successor.scopes == token.scopes
    assert timedelta(days=29) < successor.expires_at - timezone.now() <= timedelta(days=30)
    with pytest.raises(tokens.TokenError, match="only a valid token can be rotated"):
        tokens.rotate(token)


def test_rotation_never_lengthens_the_life_of_the_old_one(viewer):
    token, _ = tokens.issue(viewer, "t", ["monitoring:read"])
    soon = timezone.now() + timedelta(hours=1)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=soon)
    tokens.rotate(token)
    token.refresh_from_db()
    assert token.expires_at == soon


@pytest.mark.parametrize(
    ("role", "scopes", "kind", "sentence"),
    [
        ("viewer", ["monitoring:write"], "personal", "more than the role viewer allows"),
        ("viewer", [], "ingest", "more than the role viewer allows"),
        ("operator", ["monitoring:read"], "ingest", "no other"),
        ("operator", [], "personal", "at least one scope"),
        ("operator", ["everything"], "personal", "not a scope"),
    ],
)
def test_a_token_wider_than_allowed_is_not_made(request, role, scopes, kind, sentence):
    with pytest.raises(tokens.TokenError, match=sentence):
        tokens.issue(request.getfixturevalue(role), "t", scopes, kind=kind)
    assert not ApiToken.objects.exists()


def basic(password):
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": "Bearer aio_x"}, "aio_x"),
        ({"authorization": "Token aio_x"}, "aio_x"),
        ({"Authorization": basic("aio_x")}, "aio_x"),
        ({"X-API-Key": "aio_x"}, "aio_x"),
        ({"Authorization": "Bearer "}, ""),
        ({"Authorization": basic("of the proxy")}, None),
        ({"Authorization": "Basic not base64"}, None),
        ({}, None),
    ],
)
def test_a_token_is_found_wherever_senders_put_it(headers, expected):
    assert token_from_headers(headers) == expected


def test_a_websocket_scope_is_read_like_headers(viewer, token_of):
    raw = token_of(viewer, "monitoring:read")
    scope = {"type": "websocket", "headers": [(b"authorization", f"Bearer {raw}".encode())], "client": ["10.0.0.9", 4711]}
    assert bearer(scope).user == viewer
    assert ApiToken.objects.get().last_used_address == "10.0.0.9"
    assert bearer({"type": "websocket", "headers": [], "client": None}) is None


def test_last_use_is_written_at_most_once_a_minute(viewer):
    token, raw = tokens.issue(viewer, "t", ["monitoring:read"])
    authenticate(raw, "10.0.0.1")
    authenticate(raw, "10.0.0.2")
    token.refresh_from_db()
    assert token.last_used_address == "10.0.0.1"
    assert timezone.now() - token.last_used_at < timedelta(seconds=5)


def test_repeated_refusals_are_one_audit_entry_a_minute_with_their_count(viewer, token_of):
    raw = token_of(viewer, "monitoring:read")
    wrong = raw[:-1] + ("a" if raw[-1] != "a" else "b")
    for _ in range(5):
        authenticate(wrong, "10.0.0.1")
    authenticate(wrong, "10.0.0.2")
    cache.delete(f"refusal-told:10.0.0.1:{raw[4:16]}")
    authenticate(wrong, "10.0.0.1")
    told = AuditEntry.objects.filter(action="token.refused").order_by("id")
    assert [(entry.address, entry.after["count"]) for entry in told] == [("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.1", 5)]
    assert told[0].object_type == "accounts.apitoken"


def test_guessing_new_ids_does_not_flood_the_audit_trail():
    for n in range(10):
        authenticate(f"aio_{n:012d}_{'b' * 43}", "10.0.0.1")
    assert AuditEntry.objects.filter(action="token.refused").count() == 1
