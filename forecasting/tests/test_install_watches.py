import pytest

from accounts.models import AuditEntry
from forecasting import watches
from forecasting.models import Watch
from forecasting.watches import NotChangeable

pytestmark = pytest.mark.django_db


def _shipped() -> list[Watch]:
    return [watch for path in sorted(watches.PACKS.glob("*.yml")) for watch in watches.read(path.read_text(encoding="utf-8"))]


def test_every_shipped_watch_can_be_stored() -> None:
    found = _shipped()
    assert len(found) >= 20
    assert [(watch.key, fault) for watch in found for fault in watches.check(watch)] == []
    assert len({watch.key for watch in found}) == len(found)


def test_installing_twice_changes_nothing() -> None:
    assert watches.install_packs() == len(_shipped())
    assert watches.install_packs() == 0
    assert Watch.objects.get(key="filesystem_used_percent").limit == 95


def test_a_release_keeps_what_operators_said_and_takes_what_it_ships() -> None:
    watches.install_packs()
    Watch.objects.filter(key="memory_used_percent").update(limit=90, enabled=False, sensitivity=0.5, expr="old", unit="old")
    assert watches.install_packs() == 1
    row = Watch.objects.get(key="memory_used_percent")
    assert (row.limit, row.enabled, row.sensitivity) == (90, False, 0.5)
    assert (row.unit, row.expr) != ("old", "old")


def test_a_watch_that_is_no_longer_shipped_goes_and_own_ones_stay() -> None:
    Watch.objects.create(key="gone", name="Gone", metric="gone", expr="up", locked=True)
    Watch.objects.create(key="own", name="Own", metric="own", expr="up")
    watches.install_packs()
    assert set(Watch.objects.filter(key__in=("gone", "own")).values_list("key", flat=True)) == {"own"}


def test_a_shipped_watch_whose_metric_is_taken_by_an_own_one_is_left_out() -> None:
    Watch.objects.create(key="own", name="Own", metric="memory_used_percent", expr="up")
    watches.install_packs()
    assert not Watch.objects.filter(key="memory_used_percent").exists()


def test_a_person_makes_and_changes_a_watch(operator) -> None:
    made = watches.save(Watch(), {"name": "Queue of mails", "metric": "mails", "expr": "mails_waiting", "step": 60}, operator)
    assert made.key == "mails"
    watches.save(made, {"limit": 100.0, "direction": "up"}, operator)
    found = AuditEntry.objects.filter(action__startswith="watch").order_by("id")
    assert [entry.action for entry in found] == [
        "watch.made",
        "watch.changed",
    ]
    assert AuditEntry.objects.last().after["limit"] == 100.0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"expr": "rate(x"}, "unclosed"),
        ({"expr": "x[5m]"}, "one value"),
        ({"expr": ""}, "characters"),
        ({"name": " "}, "name of 1 to 200"),
        ({"metric": "no name"}, "not the name of a metric"),
        ({"limit": 5.0}, "which side"),
        ({"limit": float("nan"), "direction": "up"}, "number"),
        ({"step": 1}, "step is from 15"),
        ({"sensitivity": 9.0}, "sensitivity is from"),
        ({"key": "x"}, "not a field"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(operator, values, said) -> None:
    good = {"name": "Queue", "metric": "queue", "expr": "queue"}
    with pytest.raises(NotChangeable) as refused:
        watches.save(Watch(), {**good, **values}, operator)
    assert said in str(refused.value)
    assert Watch.objects.count() == 0


def test_a_shipped_watch_keeps_its_expression_and_cannot_be_deleted(operator) -> None:
    watches.install_packs()
    row = Watch.objects.get(key="memory_used_percent")
    watches.save(row, {"limit": 80.0}, operator)
    with pytest.raises(NotChangeable, match="comes with the release"):
        watches.save(row, {"expr": "up"}, operator)
    with pytest.raises(NotChangeable, match="switch it off"):
        watches.remove(row, operator)


def test_an_own_watch_is_deleted_with_an_entry(operator) -> None:
    made = watches.save(Watch(), {"name": "Mails", "metric": "mails", "expr": "mails"}, operator)
    watches.remove(made, operator)
    assert AuditEntry.objects.last().action == "watch.deleted"
    assert Watch.objects.count() == 0
