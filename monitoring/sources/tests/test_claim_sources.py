"""Who polls what and when: leases, the grid, back-off, the circuit."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connections
from django.utils import timezone
from kombu.exceptions import OperationalError

from monitoring.sources import schedule, tasks
from monitoring.sources.models import KEPT_OUTCOMES, Source

pytestmark = pytest.mark.django_db


def test_with_nothing_due_it_costs_one_query(source, django_assert_num_queries):
    Source.objects.update(due_at=timezone.now() + timedelta(seconds=5))
    with django_assert_num_queries(1):
        assert schedule.claim_due() == ("", [])


def test_500_due_sources_are_claimed_with_two_statements(many, django_assert_num_queries):
    many(500)
    with django_assert_num_queries(2):
        lease, ids = schedule.claim_due()
    assert len(ids) == 500
    assert Source.objects.filter(lease=lease).count() == 500
    assert schedule.claim_due() == ("", [])


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"due_at": timezone.now() + timedelta(hours=1)},
        {"broken_until": timezone.now() + timedelta(hours=1)},
        {"lease": "x", "leased_until": timezone.now() + timedelta(hours=1)},
    ],
    ids=["disabled", "not due", "circuit open", "leased"],
)
def test_what_is_not_to_be_polled_is_not_claimed(many, fields):
    many(1, **fields)
    assert schedule.claim_due()[1] == []


def test_a_claim_whose_worker_died_is_taken_over_when_it_expires(source):
    old, ids = schedule.claim_due()
    later = timezone.now() + timedelta(seconds=source.timeout + schedule.QUEUE_PATIENCE + 1)
    new, taken = schedule.claim_due(later)
    assert taken == ids
    assert schedule.begin(source.pk, old) is None
    assert schedule.begin(source.pk, new)


def test_a_task_delivered_twice_polls_once(source):
    lease, _ids = schedule.claim_due()
    assert schedule.begin(source.pk, lease)
    assert schedule.begin(source.pk, lease) is None


def test_who_lost_the_lease_writes_no_outcome(source):
    lease, _ids = schedule.claim_due()
    held = schedule.begin(source.pk, lease)
    Source.objects.update(lease="another", leased_until=timezone.now() + timedelta(minutes=1))
    assert not schedule.succeeded(held, timezone.now(), 1.0, 10)
    source.refresh_from_db()
    assert (source.lease, source.last_success) == ("another", None)


def test_a_source_disabled_after_the_claim_is_not_polled_and_its_lease_is_free(source):
    lease, _ids = schedule.claim_due()
    Source.objects.update(enabled=False)
    assert schedule.begin(source.pk, lease) is None
    source.refresh_from_db()
    assert (source.lease, source.leased_until) == ("", None)


def test_poll_now_does_not_wait_but_not_beside_a_poll_under_way(source):
    Source.objects.update(due_at=timezone.now() + timedelta(hours=1), broken_until=timezone.now() + timedelta(hours=1))
    lease = schedule.claim_now(source.pk)
    assert lease
    assert schedule.claim_now(source.pk) is None
    assert schedule.begin(source.pk, lease)


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_never_claim_the_same_source(many):
    many(200)
    start, claimed = threading.Barrier(3), []

    def claim():
        start.wait(10)
        for _turn in range(5):
            claimed.extend(schedule.claim_due(most=60)[1])
        connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(claimed) >= 180
    assert max(Counter(claimed).values()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_message_never_poll_at_once():
    source = Source.objects.create(name="one", kind="fake", timeout=5)
    for _turn in range(5):
        Source.objects.update(due_at=timezone.now(), lease="", leased_until=None)
        lease, _ids = schedule.claim_due()
        start, begun = threading.Barrier(4), []

        def work(lease=lease, start=start, begun=begun):
            start.wait(10)
            begun.append(schedule.begin(source.pk, lease) is not None)
            connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(begun) == [False, False, False, True]


# -- grid ----------------------------------------------------------------------------------------------------------------
def at(second, microsecond=0):
    return datetime(2026, 3, 1, 12, 0, second, microsecond, tzinfo=UTC)


def test_polls_stay_on_one_grid_however_late_they_end():
    source = Source(pk=7, interval=5)
    slots = [schedule.next_slot(source, at(second, 400_000 + second)) for second in (1, 6, 11, 16)]
    assert {(slot.timestamp() - slots[0].timestamp()) % 5 for slot in slots} == {0.0}
    assert all(later - earlier == timedelta(seconds=5) for earlier, later in pairwise(slots))


def test_missed_slots_are_skipped_not_caught_up():
    source = Source(pk=7, interval=5)
    first = schedule.next_slot(source, at(1))
    after_a_gap = schedule.next_slot(source, at(1) + timedelta(seconds=47))
    assert timedelta(0) < after_a_gap - (at(1) + timedelta(seconds=47)) <= timedelta(seconds=5)
    assert (after_a_gap - first).total_seconds() % 5 == 0


def test_sources_of_one_interval_are_spread_over_it():
    seconds = Counter(int(schedule.next_slot(Source(pk=pk, interval=15), at(0)).timestamp()) for pk in range(1, 501))
    assert len(seconds) >= 15
    assert max(seconds.values()) < 60


# -- failures ------------------------------------------------------------------------------------------------------------
def fail(source, now, **how):
    lease, _ids = schedule.claim_due(now)
    held = schedule.begin(source.pk, lease, now)
    assert held, "it was not due"
    assert schedule.failed(held, now, 5.0, "no answer", **how)
    source.refresh_from_db()


def test_after_a_failure_the_pause_doubles_and_then_the_circuit_opens(source):
    now, pauses = timezone.now(), []
    for _turn in range(schedule.BREAKS_AFTER - 1):
        fail(source, now)
        assert source.status == "failing"
        pauses.append((source.due_at - now).total_seconds())
        now = source.due_at
    for pause, meant in zip(pauses, (5, 10, 20, 40), strict=True):
        assert meant * 0.9 <= pause <= meant * 1.1
    fail(source, now)
    assert source.broken_until == now + timedelta(seconds=60)
    assert schedule.claim_due(now + timedelta(seconds=59))[1] == []
    fail(source, now + timedelta(seconds=61))
    assert source.broken_until == now + timedelta(seconds=61 + 120)
    assert (source.failures, source.last_error, source.lease) == (6, "no answer", "")


def test_a_success_closes_the_circuit_and_returns_to_the_grid(source):
    now = timezone.now()
    Source.objects.update(failures=7, broken_until=now - timedelta(seconds=1), last_error="no answer")
    lease, _ids = schedule.claim_due(now)
    held = schedule.begin(source.pk, lease, now)
    assert schedule.succeeded(held, now, 12.5, 99)
    source.refresh_from_db()
    assert (source.failures, source.broken_until, source.status, source.last_samples) == (0, None, "ok", 99)
    assert source.due_at == schedule.next_slot(source, now)
    assert source.last_error == "no answer"


def test_a_fault_that_only_somebody_can_mend_opens_the_circuit_at_once(source):
    fail(source, timezone.now(), permanent=True)
    assert source.broken_until > timezone.now() + timedelta(seconds=50)


def test_cool_down_and_pause_have_an_upper_end():
    assert schedule.cool_down(10_000) == schedule.LONGEST_COOL_DOWN
    assert max(schedule.pause(failures) for failures in range(1, 20)) <= schedule.LONGEST_RETRY


def test_only_the_latest_outcomes_are_kept(source):
    now = timezone.now()
    for turn in range(KEPT_OUTCOMES + 5):
        Source.objects.update(due_at=now)
        lease, _ids = schedule.claim_due(now)
        held = schedule.begin(source.pk, lease, now)
        schedule.succeeded(held, now, 1.0, turn)
    source.refresh_from_db()
    assert [entry[2] for entry in source.outcomes] == list(range(5, KEPT_OUTCOMES + 5))


# -- tasks ---------------------------------------------------------------------------------------------------------------
def test_poll_due_hands_each_claimed_source_to_a_worker(many, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks.poll_source, "apply_async", lambda args, **options: sent.append(args))
    rows = many(3)
    assert tasks.poll_due() == 3
    assert sorted(pk for pk, _lease in sent) == sorted(row.pk for row in rows)
    assert len({lease for _pk, lease in sent}) == 1


def test_a_broker_that_is_away_gives_the_claims_back(many, monkeypatch):
    sent = []

    def once(args, **options):
        if sent:
            raise OperationalError("gone")
        sent.append(args)

    monkeypatch.setattr(tasks.poll_source, "apply_async", once)
    many(3)
    with pytest.raises(OperationalError):
        tasks.poll_due()
    assert Source.objects.filter(lease="").count() == 2


def test_a_poll_that_takes_long_to_store_keeps_its_lease_and_notices_when_it_is_lost(source):
    lease = schedule.claim_now(source.pk)
    held = schedule.begin(source.pk, lease)
    now = timezone.now()
    assert schedule.hold(held, now)
    source.refresh_from_db()
    assert source.leased_until <= now + timedelta(seconds=source.timeout + schedule.QUEUE_PATIENCE)  # fresh: nothing was written
    later = now + timedelta(seconds=20)
    assert schedule.hold(held, later)
    source.refresh_from_db()
    assert source.leased_until == later + timedelta(seconds=source.timeout + schedule.QUEUE_PATIENCE)
    Source.objects.update(lease="another")
    assert not schedule.hold(held, later + timedelta(seconds=20))
