"""Fixtures for every room's tests: one person of each role, a stranger, signed-in clients and tokens."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.test import Client, TransactionTestCase

# The shell first: it draws the same pages without the browser's own windows, at an eighth of the CPU time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
PASSWORD = "correct horse battery"  # noqa: S105


def make_user(role: str) -> Any:
    from accounts.models import User

    return User.objects.create_user(f"{role}@example.org", PASSWORD, name=role, role=role)


@pytest.fixture
def viewer(db: None) -> Any:
    return make_user("viewer")


@pytest.fixture
def operator(db: None) -> Any:
    return make_user("operator")


@pytest.fixture
def approver(db: None) -> Any:
    return make_user("approver")


@pytest.fixture
def admin(db: None) -> Any:
    return make_user("admin")


@pytest.fixture
def stranger() -> AnonymousUser:
    return AnonymousUser()


def client_of(user: Any) -> Client:
    """A client signed in as `user`, or nobody's for the stranger. Leaves no sign-in in the audit trail."""
    from accounts.receivers import on_signed_in

    client = Client()
    if user.is_authenticated:
        user_logged_in.disconnect(on_signed_in)
        client.force_login(user)
        user_logged_in.connect(on_signed_in)
    return client


def token_of(user: Any, *scopes: str) -> str:
    from accounts import tokens

    return tokens.issue(user, "test", list(scopes))[1]


@pytest.fixture(name="client_of")
def _client_of() -> Callable[[Any], Client]:
    return client_of


@pytest.fixture(name="token_of")
def _token_of() -> Callable[..., str]:
    return token_of


@pytest.fixture(scope="session", autouse=True)
def _audit_trail_may_be_emptied() -> Iterator[None]:
    """Tests that commit are cleaned up by emptying all tables, which the audit trail's triggers rightly refuse."""
    from accounts import audit_guard

    case: Any = TransactionTestCase
    empty_tables = case._fixture_teardown

    def lifted(test: TransactionTestCase) -> None:
        audit_guard.remove(connection)
        try:
            empty_tables(test)
        finally:
            audit_guard.install(connection)

    case._fixture_teardown = lifted
    yield
    case._fixture_teardown = empty_tables
