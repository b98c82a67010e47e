"""Work that many ask for is done at once, then once per pause, and never left out."""

import threading

import kombu.exceptions
import pytest

from monitoring.alerts.pacing import Pacing, ask

pytestmark = pytest.mark.once


@pytest.fixture
def paced():
    """Its clock stands still unless a test moves it; `timers` are those that would run."""
    done, timers = [], []

    class Timer(threading.Timer):
        def start(self):
            timers.append(self)

    found = Pacing(lambda: done.append(found.now), 2.0, clock=lambda: found.now, timer=Timer)
    found.now, found.done, found.waiting = 10.0, done, timers
    return found


def test_the_first_wish_is_answered_at_once(paced):
    paced()
    assert (paced.done, paced.waiting) == ([10.0], [])


def test_wishes_within_the_pause_are_answered_together_at_its_end(paced):
    paced()
    paced.now = 10.5
    for _ in range(100):
        paced()
    (timer,) = paced.waiting
    assert (timer.interval, timer.daemon) == (1.5, True)
    assert paced.done == [10.0]
    paced.now = 12.0
    timer.function()
    assert paced.done == [10.0, 12.0]
    paced.now = 13.0  # the pause begins anew
    paced()
    assert len(paced.waiting) == 2


def test_after_the_pause_it_is_the_first_again(paced):
    paced()
    paced.now = 12.0
    paced()
    assert paced.done == [10.0, 12.0]


def test_a_broker_that_is_away_is_nobodys_trouble(caplog):
    class Away:
        name = "tend"

        def apply_async(self, given, **options):
            raise kombu.exceptions.OperationalError("away")

    with caplog.at_level("INFO", logger="monitoring.alerts.pacing"):
        ask(Away(), 1)
    assert "tend waits for its next turn: away" in caplog.text
