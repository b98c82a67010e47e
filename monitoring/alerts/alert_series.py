"""Open alerts of rules as samples, as Prometheus shows them: ALERTS{alertname, alertstate, …} is 1 at each evaluation of the rule's
group, and ends with a stale marker when the alert does or gets another state.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from monitoring.alerts.evaluate import Standing
from monitoring.alerts.evaluation import Outcome
from monitoring.alerts.models import Alert, AlertRule
from monitoring.alerts.observations import LOOKED_UP
from monitoring.store import writer
from monitoring.store.batch import STALE, Batch, SeriesKey

METRIC = "ALERTS"
REMEMBERED = 300_000  # ms: what was not written for so long has ended by itself


class Shown(NamedTuple):
    """The series of an alert: of a fingerprint only state and severity ever change."""

    state: str
    severity: str
    key: SeriesKey


class Written(NamedTuple):
    at: int  # ms UTC
    shown: dict[str, Shown]  # by fingerprint


_latest: dict[int, Written] = {}  # by rule: this process' latest; after a restart an ended series fades by itself, after 5 min


def write(outcomes: Sequence[Outcome], at: int) -> int:
    """One batch for all rules; returns how many samples. A rule that fails writes nothing. Raises StoreUnavailable."""
    live: list[SeriesKey] = []
    gone: list[SeriesKey] = []
    fresh: dict[int, Written] = {}
    for one in outcomes:
        if one.rule.kind == AlertRule.Kind.ALERT and not one.error:
            before = _before(one.rule.pk, at)
            shown = _shown(one.standing, before)
            live += [found.key for found in shown.values()]
            gone += [found.key for mark, found in before.items() if shown.get(mark) != found]
            fresh[one.rule.pk] = Written(at, shown)
    count = _write(live, gone, at)
    _latest.update(fresh)
    return count


def _write(live: Sequence[SeriesKey], gone: Sequence[SeriesKey], at: int) -> int:
    keys = list(dict.fromkeys([*live, *gone]))  # of two rules with one series the one that goes on counts
    if keys:
        values = np.full(len(keys), STALE)
        values[: len(set(live))] = 1.0
        writer.write(Batch(keys, np.arange(len(keys), dtype=np.int32), np.full(len(keys), at, np.int64), values))
    return len(keys)


def forget() -> None:
    _latest.clear()


def _before(rule: int, at: int) -> Mapping[str, Shown]:
    found = _latest.get(rule)
    return found.shown if found and at - found.at <= REMEMBERED else {}


def _shown(standing: Sequence[Standing], before: Mapping[str, Shown]) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}
    bare: list[Standing] = []
    for one in standing:
        known = before.get(one.fingerprint)
        if known and (known.state, known.severity) == (one.state, one.severity):
            shown[one.fingerprint] = known
        elif one.labels is not None:
            shown[one.fingerprint] = _of(one, one.labels)
        else:
            bare.append(one)
    if bare:
        labels = _labels([one.fingerprint for one in bare])
        shown |= {one.fingerprint: _of(one, labels[one.fingerprint]) for one in bare if one.fingerprint in labels}
    return shown


def _of(one: Standing, labels: Mapping[str, str]) -> Shown:
    return Shown(one.state, one.severity, SeriesKey.of(METRIC, {**labels, "alertstate": one.state}))


def _labels(fingerprints: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Of open alerts."""
    found: dict[str, Mapping[str, str]] = {}
    for place in range(0, len(fingerprints), LOOKED_UP):
        rows = Alert.objects.filter(fingerprint__in=fingerprints[place : place + LOOKED_UP]).exclude(state=Alert.State.RESOLVED)
        found.update(rows.values_list("fingerprint", "labels"))
    return found
