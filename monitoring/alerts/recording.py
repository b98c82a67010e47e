"""What recording rules computed goes to the store like any other sample; a series that is computed no more ends at once."""

import threading
from collections.abc import Sequence

from monitoring.alerts.evaluation import Outcome
from monitoring.alerts.models import AlertRule
from monitoring.store import writer
from monitoring.store.batch import STALE, Batch, SeriesKey

DURATION, LAG = "aiops_rule_duration_seconds", "aiops_rule_lag_seconds"
_lock = threading.Lock()
_written: dict[int, set[SeriesKey]] = {}  # by rule: this process' latest; after a restart an ended series fades by itself, after 5 min


def write(outcomes: Sequence[Outcome], at: int) -> int:
    """Returns how many samples. Raises StoreUnavailable."""
    samples: list[tuple[str, dict[str, str], int, float]] = []
    for one in outcomes:
        if one.rule.kind == AlertRule.Kind.RECORD and not one.error:
            samples += [(metric, labels, at, value) for metric, labels, value in one.samples]
            samples += [(key.metric, dict(key.labels), at, STALE) for key in _ended(one)]
    if samples:
        writer.write(Batch.of(samples))
    return len(samples)


def write_figures(rules: Sequence[AlertRule], at: int) -> None:
    """How evaluations went, as samples: what a rule's page draws. Raises StoreUnavailable."""
    samples: list[tuple[str, dict[str, str], int, float]] = []
    for rule in rules:
        labels = {"job": "aiops", "rule": rule.key, "rule_group": rule.group.name, "rule_file": rule.group.file}
        samples.append((DURATION, labels, at, (rule.last_duration_ms or 0) / 1000))
        samples.append((LAG, labels, at, (rule.last_lag_ms or 0) / 1000))
    if samples:
        writer.write(Batch.of(samples))


def _ended(one: Outcome) -> set[SeriesKey]:
    keys = {SeriesKey.of(metric, labels) for metric, labels, _ in one.samples}
    with _lock:
        before = _written.get(one.rule.pk, set())
        _written[one.rule.pk] = keys
    return before - keys
