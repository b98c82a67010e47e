from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import first_admin
from accounts.authentication import authenticate
from accounts.models import ApiToken, AuditEntry, User
from accounts.permissions import can

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("who", ["operator", "OPERATOR@example.org"])
def test_create_token_prints_only_the_token(operator, capsys, who):
    call_command("create_token", "--user", who, "--name", "ci", "--scope", "monitoring:read", "--scope", "monitoring:write", "--days", "7")
    raw = capsys.readouterr().out.removesuffix("\n")
    found = authenticate(raw)
    assert found.user == operator
    assert found.scopes == {"monitoring:read", "monitoring:write"}
    assert timedelta(days=6) < found.token.expires_at - timezone.now() <= timedelta(days=7)
    assert AuditEntry.objects.get(action="token.created").actor == "system"


def test_create_token_makes_one_for_ingest(operator, capsys):
    call_command("create_token", "--user", "operator", "--name", "agent", "--ingest", "--days", "0")
    found = authenticate(capsys.readouterr().out.strip())
    assert (found.token.kind, found.token.expires_at) == ("ingest", None)
    assert can(found, "metrics:write")
    assert not can(found, "monitoring:read")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--user", "nobody", "--name", "x", "--scope", "monitoring:read"], "Nobody is named nobody."),
        (["--user", "viewer", "--name", "x", "--scope", "users:manage"], "more than the role viewer allows"),
        (["--user", "viewer", "--name", "x"], "at least one scope"),
        (["--user", "viewer", "--name", "x", "--scope", "monitoring:read", "--days", "-1"], "--days"),
    ],
)
def test_create_token_refuses_in_one_sentence_and_prints_nothing(viewer, capsys, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("create_token", *arguments)
    assert capsys.readouterr().out == ""
    assert not ApiToken.objects.exists()


def test_the_first_admin_gets_a_generated_password_once(monkeypatch):
    monkeypatch.delenv("AIOPS_ADMIN_PASSWORD", raising=False)
    user, password = first_admin.ensure()
    assert (user.name, user.email, user.role) == ("admin", "admin@localhost", "admin")
    assert len(password) >= 16
    assert user.check_password(password)
    assert first_admin.ensure() is None
    assert User.objects.count() == 1


def test_the_first_admins_password_can_be_given_and_is_then_not_shown(monkeypatch, capsys):
    monkeypatch.setenv("AIOPS_ADMIN_PASSWORD", "given in the environment")
    call_command("create_admin")
    assert User.objects.get().check_password("given in the environment")
    assert "given in the environment" not in capsys.readouterr().out
    call_command("create_admin")
    assert "nothing was done" in capsys.readouterr().out


def test_an_installation_with_people_gets_no_admin(viewer):
    assert first_admin.ensure() is None
    assert not User.objects.filter(role="admin").exists()


def test_the_first_admin_signs_in(client, monkeypatch):
    monkeypatch.setenv("AIOPS_ADMIN_PASSWORD", "given in the environment")
    first_admin.ensure()
    assert client.post("/accounts/login/", {"login": "admin@localhost", "password": "given in the environment"}).status_code == 302
