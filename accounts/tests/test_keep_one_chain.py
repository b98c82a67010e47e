"""Concurrent writers, each with its own connection: the chain must neither fork nor let them wait for each other for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts import audit, audit_guard
from accounts.models import AuditEntry, User

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(work, count):
    start = threading.Barrier(count)

    def run(n):
        try:
            start.wait()
            return work(n)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result(timeout=50) for future in [pool.submit(run, n) for n in range(count)]]


def test_concurrent_writers_never_fork_the_chain():
    in_threads(lambda n: [audit.record("thing.made", target=f"{n}.{k}") for k in range(12)], 6)
    verdict = audit.verify()
    assert (verdict.entries, verdict.broken) == (72, None)
    assert AuditEntry.objects.values("previous").distinct().count() == 72


def test_transactions_that_change_a_row_and_then_record_do_not_lock_each_other(viewer, operator):
    people = [viewer.pk, operator.pk]

    def work(n):
        for k in range(6):
            with transaction.atomic():
                User.objects.filter(pk=people[(n + k) % 2]).update(theme="light")
                audit.record("user.changed", target=str(n))
                if k % 3 == 2:
                    transaction.set_rollback(True)

    before = audit.verify().entries
    in_threads(work, 4)
    verdict = audit.verify()
    assert verdict.broken is None
    assert verdict.entries == before + 4 * 4


def test_the_triggers_stand_again_after_a_test_that_commits():
    assert audit_guard.missing(connection) == []
