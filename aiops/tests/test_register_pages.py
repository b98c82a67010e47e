from types import SimpleNamespace

import pytest

from aiops import navigation

ADMIN = SimpleNamespace(role="admin", is_active=True)
VIEWER = SimpleNamespace(role="viewer", is_active=True)


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    monkeypatch.setattr(navigation, "_entries", {})


def register(label, url_name="admin:index", permission=None, group="Observe", **more):
    navigation.register(group, label, url_name, "overview", permission, **more)


def test_a_page_appears_for_those_who_may_open_it():
    register("Secret", permission="users:manage")
    assert [entry.label for entry, _ in navigation.entries(ADMIN)] == ["Secret"]
    assert navigation.entries(VIEWER) == []


def test_a_page_that_is_not_mounted_is_left_out():
    register("Nowhere", url_name="does-not-exist")
    assert navigation.entries(ADMIN) == []


def test_groups_and_entries_have_their_order():
    register("Later", order=2)
    register("Foot", url_name="admin:login", group="foot")
    register("First", url_name="admin:logout", group="")
    assert [group.heading for group in navigation.groups(ADMIN, "/")] == ["", "Observe", "foot"]


def test_the_page_under_which_one_is_is_current():
    register("Admin")
    register("Sign in", url_name="admin:login")
    links = navigation.groups(ADMIN, "/admin/login/")[0].links
    assert {link.label: link.current for link in links} == {"Admin": False, "Sign in": True}


def test_two_pages_cannot_have_the_same_key():
    register("One", jump="q")
    with pytest.raises(ValueError, match="already opens"):
        register("Two", url_name="admin:login", jump="q")


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="unknown group"):
        register("One", group="Misc")
