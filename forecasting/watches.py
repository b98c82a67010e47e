"""Watches: shipped ones come from packs/*.yml, people's own from the page and the API. What can be wrong is said before one is stored.

Whether a shipped watch is enabled, its limit, sensitivity and muting are the operators' to say, and kept when a release brings it anew.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from django.conf import settings
from django.db import transaction

from accounts import audit
from accounts.models import ApiToken, User
from aiops import resume
from forecasting.models import LEAST_SENSITIVE, MOST_SENSITIVE, Watch
from monitoring.alerts.durations import seconds
from monitoring.query import evaluate
from monitoring.query.errors import QueryError
from monitoring.query.parse.plan import RangeSelector, String, Subquery, plan
from monitoring.query.source import MemorySource

PACKS = Path(__file__).parent / "packs"
METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
KEY = re.compile(r"[a-z0-9][a-z0-9_]{0,99}")
SHIPPED = ("name", "metric", "expr", "unit", "direction", "step", "detect", "forecast", "forecast_step", "horizon", "locked")
OPERATORS = ("limit", "warn_within", "agreeing", "alert_anomalies", "most", "enabled")  # taken from a pack only when the watch is new
LONGEST_EXPR = 10_000


class Fault(NamedTuple):
    field: str
    message: str


# -- what can be wrong -----------------------------------------------------------------------------------------------------
def check(watch: Watch) -> list[Fault]:
    """An empty list for a watch that can be stored."""
    return [*_names(watch), *_expression(watch.expr), *_numbers(watch)]


def _names(watch: Watch) -> Iterator[Fault]:
    if not watch.name.strip() or len(watch.name) > 200 or "\0" in watch.name:
        yield Fault("name", "A watch has a name of 1 to 200 characters.")
    if watch.metric and (not METRIC_NAME.fullmatch(watch.metric) or len(watch.metric) > 200):
        yield Fault("metric", f"{watch.metric[:40]} is not the name of a metric.")
    elif watch.metric and Watch.objects.filter(metric=watch.metric).exclude(pk=watch.pk).exists():
        yield Fault("metric", f"There is a watch of the metric {watch.metric} already.")


def _expression(expr: str) -> Iterator[Fault]:
    if not expr.strip() or len(expr) > LONGEST_EXPR or "\0" in expr:
        yield Fault("expr", f"An expression has 1 to {LONGEST_EXPR:,} characters.")
        return
    try:
        if isinstance(plan(expr), RangeSelector | Subquery | String):
            yield Fault("expr", "The expression answers a range or a text; a watch needs one value for each series.")
            return
        evaluate.instant(expr, MemorySource(), 0)
    except QueryError as fault:
        yield Fault("expr", fault.message)


def _numbers(watch: Watch) -> Iterator[Fault]:
    spans = {
        "step": (15, 86_400),
        "forecast_step": (60, 86_400),
        "horizon": (1, 1000),
        "warn_within": (1, 24 * 365),
        "agreeing": (1, 50),
        "most": (1, 1_000_000),
        "sensitivity": (LEAST_SENSITIVE, MOST_SENSITIVE),
    }
    for field, (least, most) in spans.items():
        if not least <= getattr(watch, field) <= most:
            yield Fault(field, f"{field} is from {least} to {most:,}.")
    if (watch.limit is not None and abs(watch.limit) == float("inf")) or watch.limit != watch.limit:
        yield Fault("limit", "The limit is a number.")
    if watch.limit is not None and watch.direction == Watch.Direction.BOTH:
        yield Fault("direction", "Say on which side of the limit trouble is: up or down.")


# -- by people -------------------------------------------------------------------------------------------------------------
CHANGEABLE = ("name", "expr", "unit", "direction", "limit", "step", "detect", "forecast", "forecast_step", "horizon", "warn_within")
ALWAYS_CHANGEABLE = ("limit", "warn_within", "agreeing", "sensitivity", "alert_anomalies", "most", "enabled", "muting")
MADE_ANEW = ("expr", "step")  # with these, what was learned is of another series


class NotChangeable(ValueError):
    """One sentence: why the watch cannot be as wanted."""


def save(watch: Watch, values: Mapping[str, Any], actor: User | ApiToken | str | None = None) -> Watch:
    """Makes or changes a watch as a person wants it; audited. Raises NotChangeable."""
    allowed = ALWAYS_CHANGEABLE if watch.locked else (*CHANGEABLE, *ALWAYS_CHANGEABLE, "metric")
    strange = sorted(set(values) - set(allowed))
    if strange:
        why = "comes with the release and cannot be changed" if watch.locked else "is not a field of a watch"
        raise NotChangeable(f"{strange[0]} {why}.")
    before = audit.snapshot(watch) if watch.pk else {}
    for field, value in values.items():
        setattr(watch, field, value)
    if not watch.pk:
        watch.key = _key_of(watch)
    if faults := check(watch):
        raise NotChangeable(faults[0].message)
    with transaction.atomic():
        watch.save()
        if before and any(before[field] != getattr(watch, field) for field in MADE_ANEW):
            watch.tracks.all().delete()
        action = "watch.changed" if before else "watch.made"
        audit.record(action, target=watch, actor=actor, **audit.changes(before, audit.snapshot(watch)))
    return watch


def remove(watch: Watch, actor: User | ApiToken | str | None = None) -> None:
    """With all that was learned and seen. A shipped one is switched off instead. Raises NotChangeable."""
    if watch.locked:
        raise NotChangeable("A shipped watch cannot be deleted; switch it off.")
    with transaction.atomic():
        before = audit.snapshot(watch)
        target = f"watch {watch.name}"
        watch.delete()
        audit.record("watch.deleted", target=target, before=before, actor=actor)


def _key_of(watch: Watch) -> str:
    """Of its name; with a number where another has it."""
    plain = re.sub(r"[^a-z0-9]+", "_", (watch.metric or watch.name).lower()).strip("_")[:80] or "watch"
    taken = set(Watch.objects.filter(key__startswith=plain).values_list("key", flat=True))
    return next(key for key in (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3))) if key not in taken)


# -- shipped ---------------------------------------------------------------------------------------------------------------
def install_packs() -> int:
    """The shipped watches as this release has them; returns how many were added or changed. Idempotent."""
    wanted = {watch.key: watch for path in sorted(PACKS.glob("*.yml")) for watch in read(path.read_text(encoding="utf-8"))}
    changed = 0
    with transaction.atomic():
        known = {watch.key: watch for watch in Watch.objects.filter(locked=True)}
        for key, watch in wanted.items():
            changed += _store(watch, known.pop(key, None))
        Watch.objects.filter(pk__in=[gone.pk for gone in known.values()]).delete()
    return changed


def _store(watch: Watch, row: Watch | None) -> bool:
    if row is None:
        free = not (watch.metric and Watch.objects.filter(metric=watch.metric).exists())
        if free and not Watch.objects.filter(key=watch.key).exists():  # else people have one of their own, which counts
            watch.save()
        return free
    anew = any(getattr(row, field) != getattr(watch, field) for field in MADE_ANEW)
    differs = [field for field in SHIPPED if getattr(row, field) != getattr(watch, field)]
    for field in differs:
        setattr(row, field, getattr(watch, field))
    if differs:
        row.save(update_fields=differs)
    if anew:
        row.tracks.all().delete()
    return bool(differs)


def read(text: str) -> list[Watch]:
    """Unsaved watches of a pack. ValueError for a pack that is wrong: packs are ours, and a test reads them all."""
    found = []
    for entry in yaml.safe_load(text)["watches"]:
        if unknown := set(entry) - {"key", *SHIPPED, *OPERATORS}:
            raise ValueError(f"{entry.get('key')}: {sorted(unknown)[0]} is not known in a watch")
        durations = {field: round(seconds(str(entry[field]))) for field in ("step", "forecast_step") if field in entry}
        watch = Watch(**{"metric": entry["key"], **entry, **durations, "locked": True})
        if not KEY.fullmatch(watch.key):
            raise ValueError(f"{watch.key} is not a key")
        found.append(watch)
    return found


@resume.register
def refresh_packs() -> bool:
    """A release may bring other shipped watches without a migration: embedded mode looks at each start whether they changed."""
    stamp = settings.DATA_DIR / "watch-packs"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(PACKS.glob("*.yml")))).hexdigest()
    if not settings.WATCH_PACKS or (stamp.is_file() and stamp.read_text() == digest):
        return False
    install_packs()
    stamp.write_text(digest)
    return True
