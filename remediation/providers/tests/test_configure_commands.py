"""The form of a command provider: what nobody should allow is refused where it is written."""

import pytest

from aiops.plugin_forms import config_form, shown, split
from remediation.providers.command import Command
from remediation.providers.command_allow import NotAllowed, environment, programs

pytestmark = pytest.mark.once
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm8ZkPzR0m7b1VxkSg0vW0oYc0fJ2K3nUq5mVq0abcd"


def filled(stored=None, **given):
    return config_form(Command, secrets=stored, data={"where": "here", **given})


def test_an_empty_form_allows_nothing_and_is_valid():
    assert filled().is_valid()


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("programs", "it = true", "absolute path"),
        ("programs", "just words", "is not `name"),
        ("programs", "it = /bin/true\nit = /bin/false", "stands there twice"),
        ("programs", "it = /bin/echo {[}", "not a regular expression"),
        ("programs", "it = /bin/echo {a}* {b}", "has to be the last"),
        ("programs", "it = /bin/echo 'open", "not closed"),
        ("directories", "/", "directory of the system"),
        ("directories", "/etc/nginx", "directory of the system"),
        ("directories", "/var/../etc", "directory of the system"),
        ("directories", "var/tmp", "not an absolute path"),
        ("services", "-x", "is not the name of a service"),
        ("log_configs", "app", "not an absolute path"),
        ("environment", "LD_PRELOAD=/tmp/x.so", "cannot be set"),
        ("environment", "AIOPS_SECRET_KEY", "cannot be set"),
        ("host_key", "hello", "no public key"),
        ("folder", "tmp", "absolute path"),
        ("user", "nobody-here", "no user"),
    ],
)
def test_a_line_that_should_not_be_there_is_named(field, text, fault):
    form = filled(**{field: text})
    assert not form.is_valid()
    assert fault in str(form.errors[field])


def test_by_ssh_it_needs_a_host_a_login_its_key_and_one_of_ours():
    form = filled(where="ssh")
    assert not form.is_valid()
    assert set(form.errors) == {"host", "login", "host_key", "private_key"}


def test_a_stored_key_counts():
    assert filled({"private_key": "…"}, where="ssh", host="db1", login="ops", host_key=f"db1 {KEY}").is_valid()


def test_secrets_are_apart_from_the_configuration_and_not_shown():
    form = filled(where="ssh", host="db1", login="ops", host_key=KEY, password="open sesame")
    assert form.is_valid()
    config, secrets = split(Command, form)
    assert (secrets, "password" in config) == ({"password": "open sesame"}, False)
    assert "open sesame" not in str(shown(Command, config, secrets))


def test_a_key_of_several_lines_keeps_them_and_is_not_put_back_into_the_page():
    key = "-----BEGIN KEY-----\nhush\n-----END KEY-----"
    form = filled(where="ssh", host="db1", login="ops", host_key="no key", private_key=key)
    assert form["private_key"].field.clean(key) == key
    page = str(form["private_key"])
    assert "<textarea" in page
    assert "hush" not in page


def test_a_pattern_may_stand_in_a_word_and_hold_braces():
    assert programs("it = /bin/x --day={[0-9]{2}}")["it"].argv(["07"]) == ["/bin/x", "--day=07"]


def test_a_pattern_with_a_star_takes_what_is_left():
    assert programs("it = /bin/x {[a-z]+}*")["it"].argv(["a", "b"]) == ["/bin/x", "a", "b"]
    assert programs("it = /bin/x {[a-z]+}*")["it"].argv([]) == ["/bin/x"]


def test_a_backslash_of_a_pattern_stays():
    assert programs(r"it = /bin/x {\d+}")["it"].argv(["12"]) == ["/bin/x", "12"]
    with pytest.raises(NotAllowed):
        programs(r"it = /bin/x {\d+}")["it"].argv(["d"])


def test_nothing_of_our_own_environment_is_passed_unasked(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    assert set(environment("")) == {"PATH", "LANG"}
