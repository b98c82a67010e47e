"""The form of a watch: what was typed becomes values, and what is wrong stands at its field, with the place where there is one."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.http import QueryDict

from aiops.timerange import now_ms
from forecasting import watches, words
from forecasting.models import Watch
from monitoring.alerts.checks import Fault
from monitoring.dashboards import query_errors
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import run_instant
from monitoring.query.values import Scalar, Vector
from monitoring.store.errors import StoreUnavailable

TEXTS = ("name", "metric", "expr", "unit", "direction", "muting")
NUMBERS = {"step": int, "forecast_step": int, "horizon": int, "warn_within": int, "agreeing": int, "most": int, "sensitivity": float}
FLAGS = ("detect", "forecast", "alert_anomalies", "enabled")
LIMITS = Limits(seconds=3, samples=5_000_000)
SHOWN = 8


@dataclass
class Form:
    watch: Watch
    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.faults.values()))

    def refuse(self, name: str, message: str, position: int | None = None) -> None:
        self.faults.setdefault(name, []).append(Fault(name, message, position))


def read(given: QueryDict, watch: Watch) -> Form:
    """What was typed, laid over the watch. A shipped one takes only what may be changed of it."""
    form = Form(watch)
    fields = set(watches.ALWAYS_CHANGEABLE) if watch.locked else {*watches.CHANGEABLE, *watches.ALWAYS_CHANGEABLE, "metric"}
    for name in fields.intersection(TEXTS) & set(given):
        form.values[name] = given.get(name, "").strip()
    for name in fields & set(NUMBERS) & set(given):
        _number(form, name, given.get(name, "").strip(), NUMBERS[name])
    if "limit" in given:
        _number(form, "limit", given.get("limit", "").strip(), float)
    for name in fields.intersection(FLAGS):
        form.values[name] = name in given
    for name, value in form.values.items():
        setattr(watch, name, value)
    _check(form)
    return form


def _number(form: Form, name: str, text: str, kind: type) -> None:
    if not text:
        if name == "limit":
            form.values[name] = None
        return
    try:
        form.values[name] = kind(text)
    except ValueError:
        form.refuse(name, f"Write a {'whole ' if kind is int else ''}number, not {text[:40]!r}.")


def _check(form: Form) -> None:
    for fault in watches.check(form.watch):
        if fault.field == "expr":
            form.faults["expr"] = [placed(form.watch.expr, fault.message)]
        elif fault.field not in form.faults:
            form.refuse(fault.field, fault.message)


def placed(expr: str, message: str, position: int | None = None) -> Fault:
    """With the character where it is wrong."""
    try:
        found = query_errors.mistake(expr, message, position)
    except (ValueError, RecursionError):
        return Fault("expr", message)
    return Fault("expr", found.message, found.start)


@dataclass
class Preview:
    """What an expression answers now."""

    series: list[tuple[str, str]] = field(default_factory=list)  # labels, value
    total: int = 0
    fault: Fault | None = None
    away: str = ""
    asked: bool = True


def preview(expr: str, unit: str = "") -> Preview:
    if not expr.strip():
        return Preview(asked=False)
    if len(expr) > watches.LONGEST_EXPR:
        return Preview(fault=Fault("expr", f"An expression has 1 to {watches.LONGEST_EXPR:,} characters."))
    try:
        value = run_instant(expr, now_ms(), within=LIMITS)
    except QueryError as fault:
        return Preview(fault=placed(expr, fault.message, fault.position))
    except StoreUnavailable:
        return Preview(away="The store does not answer for the moment; try again shortly.")
    if isinstance(value, Scalar):
        return Preview([("one number, no series", words.figure(value.v, unit))], 1)
    if not isinstance(value, Vector):
        return Preview(fault=Fault("expr", "The expression answers a range or a text; a watch needs one value for each series."))
    rows = [(_named(labels), words.figure(float(v), unit)) for labels, v in zip(value.labels[:SHOWN], np.asarray(value.v), strict=False)]
    return Preview(rows, len(value.labels))


def _named(labels: dict[str, str]) -> str:
    inner = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != NAME)
    return f"{labels.get(NAME, '')} {inner}".strip() or "all together"
