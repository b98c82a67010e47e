"""Each misconfiguration is told with a hint; a right configuration says nothing."""

import pytest

from aiops import checks

pytestmark = pytest.mark.once


def found(check):
    return [(message.id, message.hint) for message in check()]


def ids(check):
    return [message.id for message in check()]


@pytest.fixture
def production(settings, monkeypatch):
    settings.DATABASE_URL, settings.REDIS_URL, settings.PRODUCTION = "postgres://db/aiops", "redis://redis", True
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://aiops.example.org", ["aiops.example.org"]
    monkeypatch.setenv("AIOPS_SECRET_KEY", "k" * 60)
    return settings


ALL = [
    checks.check_mode,
    checks.check_secret_key,
    checks.check_hosts,
    checks.check_public_url,
    checks.check_data_directory,
    checks.check_mail,
    checks.check_remote_store,
]


@pytest.mark.parametrize("check", ALL)
def test_a_right_production_configuration_says_nothing(check, production):
    assert ids(check) == []


@pytest.mark.parametrize("given", ["DATABASE_URL", "REDIS_URL"])
def test_half_a_production_mode_is_told(settings, given):
    settings.DATABASE_URL = settings.REDIS_URL = ""
    setattr(settings, given, "set")
    assert ids(checks.check_mode) == ["aiops.W001"]
    settings.DATABASE_URL = settings.REDIS_URL = ""
    assert ids(checks.check_mode) == []


def test_production_without_a_common_key_is_told(production, monkeypatch):
    monkeypatch.delenv("AIOPS_SECRET_KEY")
    assert ids(checks.check_secret_key) == ["aiops.W002"]
    production.PRODUCTION = False
    assert ids(checks.check_secret_key) == []


def test_any_host_name_is_told(settings):
    settings.ALLOWED_HOSTS = ["*"]
    assert ids(checks.check_hosts) == ["aiops.W003"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", ["aiops.W004"]),
        ("http://aiops.example.org", ["aiops.W004"]),
        ("aiops.example.org", ["aiops.E001"]),
        ("https://", ["aiops.E001"]),
    ],
)
def test_a_public_address_that_is_missing_or_unprotected_is_told(production, url, told):
    production.PUBLIC_URL = url
    assert ids(checks.check_public_url) == told


def test_a_data_directory_that_cannot_be_made_is_told(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path / "missing" / "deep"
    assert ids(checks.check_data_directory) == []
    monkeypatch.setattr(checks.os, "access", lambda path, mode: path != tmp_path)
    assert ids(checks.check_data_directory) == ["aiops.E002"]


def test_a_file_where_the_data_directory_should_be_is_told(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.DATA_DIR = tmp_path / "file" / "data"
    assert ids(checks.check_data_directory) == ["aiops.E002"]


@pytest.mark.parametrize(
    ("host", "user", "password", "told"),
    [
        ("", "", "", 0),
        ("mail", "", "", 0),
        ("mail", "me", "secret", 0),
        ("mail", "me", "", 1),
        ("mail", "", "secret", 1),
        ("", "me", "secret", 1),
    ],
)
def test_half_a_mail_server_is_told(settings, host, user, password, told):
    settings.EMAIL_HOST, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = host, user, password
    assert ids(checks.check_mail) == ["aiops.W005"] * told


def test_half_a_remote_store_is_told(settings, monkeypatch):
    settings.METRICS_WRITE_URL, settings.METRICS_READ_URL = "http://vm:8428/api/v1/write", ""
    monkeypatch.setenv("AIOPS_METRICS_HEADERS", "X-Scope-OrgID=1,oops")
    assert ids(checks.check_remote_store) == ["aiops.E003", "aiops.E004"]


def test_a_misspelt_variable_names_its_neighbour(monkeypatch):
    monkeypatch.setenv("AIOPS_ALOWED_HOSTS", "x")
    assert found(checks.check_unknown_variables) == [("aiops.W006", "Did you mean AIOPS_ALLOWED_HOSTS?")]


def test_a_variable_like_none_is_told_without_a_guess(monkeypatch):
    monkeypatch.setenv("AIOPS_QQQQQQQQ", "x")
    assert found(checks.check_unknown_variables) == [("aiops.W006", "Remove it; .env.example lists what is read.")]


def test_known_variables_say_nothing(monkeypatch):
    monkeypatch.setenv("AIOPS_ADMIN_PASSWORD", "x")
    assert ids(checks.check_unknown_variables) == []
