"""Fixtures for channels that go out."""

import pytest

from aiops import http
from monitoring.notifications.channels.base import CHANNELS
from monitoring.notifications.tests.engine import Engine
from monitoring.notifications.tests.peers import serving, smtp_server


@pytest.fixture
def open_networks(settings):
    """This machine may be called, as an administrator would allow it."""
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def peer(open_networks):
    http._breakers.clear()
    with serving() as server:
        yield server
    http._breakers.clear()


@pytest.fixture
def mailbox():
    with smtp_server() as box:
        yield box


@pytest.fixture
def engine(db):
    """With a clock of its own."""
    yield Engine()
    CHANNELS.pop("probe", None)
