import pytest

from aiops.breaker import Breaker


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def breaker(clock):
    return Breaker(threshold=3, cooldown=10, clock=lambda: clock[0])


def trip(breaker):
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()


def test_it_stays_closed_below_the_threshold(breaker):
    breaker.failed()
    breaker.failed()
    assert breaker.allows()
    breaker.succeeded()
    breaker.failed()
    assert breaker.state == "closed"


def test_it_opens_for_the_cooldown(breaker, clock):
    trip(breaker)
    assert breaker.state == "open"
    assert not breaker.allows()
    clock[0] += 9.9
    assert not breaker.allows()


def test_after_the_cooldown_one_trial_goes_out_alone(breaker, clock):
    trip(breaker)
    clock[0] += 10
    assert breaker.state == "half-open"
    assert breaker.allows()
    assert not breaker.allows()


def test_a_failed_trial_opens_it_again(breaker, clock):
    trip(breaker)
    clock[0] += 10
    breaker.allows()
    breaker.failed()
    clock[0] += 9
    assert not breaker.allows()


def test_a_good_trial_closes_it(breaker, clock):
    trip(breaker)
    clock[0] += 10
    breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


def test_a_trial_that_never_ends_lets_another_one_out_later(breaker, clock):
    trip(breaker)
    clock[0] += 10
    breaker.allows()
    clock[0] += 10
    assert breaker.allows()
