from typing import Any

import pytest
from django.db import transaction

from monitoring.store import metadata
from monitoring.store.metadata import Description

pytestmark = pytest.mark.django_db
CPU = Description("counter", "seconds", "Time the CPU spent.")


@pytest.fixture(autouse=True)
def _another_process(django_capture_on_commit_callbacks: Any) -> Any:
    metadata.forget()
    yield
    metadata.forget()


def tell(capture: Any, **found: Description) -> None:
    with capture(execute=True):
        metadata.record(found)


def test_it_returns_what_was_recorded() -> None:
    metadata.record({"cpu": CPU, "up": Description(type="gauge")})
    assert metadata.of(["cpu", "nobody"]) == {"cpu": CPU}
    assert metadata.of(None) == {"cpu": CPU, "up": Description("gauge", "", "")}


def test_repeating_costs_no_query(django_capture_on_commit_callbacks: Any, django_assert_num_queries: Any) -> None:
    tell(django_capture_on_commit_callbacks, cpu=CPU)
    with django_assert_num_queries(0):
        metadata.record({"cpu": CPU})


def test_what_a_transaction_took_back_is_written_again() -> None:
    with transaction.atomic():
        metadata.record({"cpu": CPU})
        transaction.set_rollback(True)
    metadata.record({"cpu": CPU})
    assert metadata.of(["cpu"]) == {"cpu": CPU}


def test_a_blank_leaves_what_another_sender_told() -> None:
    metadata.record({"cpu": Description(unit="seconds")})
    metadata.record({"cpu": Description("COUNTER", "", "Time.")})
    assert metadata.of(["cpu"]) == {"cpu": Description("counter", "seconds", "Time.")}


def test_two_senders_that_differ_do_not_write_in_turn(django_capture_on_commit_callbacks: Any, django_assert_num_queries: Any) -> None:
    tell(django_capture_on_commit_callbacks, cpu=CPU)
    with django_assert_num_queries(0):
        metadata.record({"cpu": CPU._replace(help="Otherwise.")})


def test_a_change_is_kept_after_a_while(django_capture_on_commit_callbacks: Any, monkeypatch: Any) -> None:
    tell(django_capture_on_commit_callbacks, cpu=CPU)
    monkeypatch.setattr(metadata, "REWRITE", 0.0)
    changed = CPU._replace(help="Otherwise.")
    metadata.record({"cpu": changed})
    assert metadata.of(["cpu"]) == {"cpu": changed}


def test_what_no_database_keeps_is_left_out() -> None:
    metadata.record({"": CPU, "m" * 256: CPU, "nul\0": CPU, "half\ud800": CPU})
    metadata.record({"long": Description("weird", "u" * 100, "\0" + "h" * 5000)})
    assert metadata.of(None) == {"long": Description("unknown", "u" * 64, "h" * 2000)}


def test_many_are_recorded_at_once() -> None:
    metadata.record({f"metric_{n}": CPU for n in range(1200)})
    assert len(metadata.of([f"metric_{n}" for n in range(1200)])) == 1200
