"""Rules of one moment, evaluated over one shared source: what is new about their alerts, what they record, how each did."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.db import Error
from prometheus_client import Counter, Histogram

from aiops.metrics import ERRORS
from monitoring.alerts.evaluate import Ask, Known, Standing, judge, recorded, scope_of
from monitoring.alerts.models import Alert, AlertRule
from monitoring.alerts.observations import Observation
from monitoring.alerts.shared_source import SharedSource
from monitoring.alerts.template_functions import Sample
from monitoring.alerts.templates import Query, TemplateError
from monitoring.query import engine, evaluate
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import LOOKBACK, Limits
from monitoring.query.stored import run_instant
from monitoring.query.values import Value, Vector
from monitoring.store import StoreUnavailable

EVALUATIONS = Counter("aiops_rule_evaluations", "Evaluations of rules", ["outcome"])
SECONDS = Histogram("aiops_rule_evaluation_seconds", "Duration of one rule's evaluation", buckets=(0.01, 0.1, 1, 5, 15))
log = logging.getLogger(__name__)
Recorded = tuple[str, dict[str, str], float]  # metric, labels, value


@dataclass
class Outcome:
    """How one rule did."""

    rule: AlertRule
    seconds: float = 0.0
    series: int = 0
    error: str = ""
    observations: list[Observation] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)  # its open alerts
    samples: list[Recorded] = field(default_factory=list)


class Moment:
    """All rules that are due at one time. Raises StoreUnavailable or django.db.Error: then nothing is known of any."""

    def __init__(self, rules: Sequence[AlertRule], at: datetime) -> None:
        self.rules, self.at = rules, at
        self.at_ms = round(at.timestamp() * 1000)
        self.remote = engine.configured()

    @cached_property
    def source(self) -> SharedSource:
        return SharedSource(self.at_ms)

    @cached_property
    def known(self) -> dict[int, dict[str, Known]]:
        return known([rule.pk for rule in self.rules])

    def run(self) -> list[Outcome]:
        """In the order given: a rule sees what those before it recorded."""
        _ = self.known  # before any sample is read: what another evaluation opens meanwhile is not this one's to end
        if self.remote is None:
            self.source.prepare(rule.expr for rule in self.rules)
        return [self._evaluated(rule) for rule in self.rules]

    def _evaluated(self, rule: AlertRule) -> Outcome:
        outcome, begun = Outcome(rule), time.perf_counter()
        try:
            self._judge(outcome, Limits(seconds=patience(rule), samples=settings.QUERY_SAMPLES))
        except (QueryError, TemplateError) as fault:
            outcome.error = fault.message
        except (StoreUnavailable, Error):
            raise
        except Exception as fault:  # one rule must not keep the others from being evaluated
            log.exception("rule %s could not be evaluated", rule.name)
            ERRORS.labels("rule").inc()
            outcome.error = f"{type(fault).__name__}: {fault}"
        outcome.seconds = time.perf_counter() - begun
        EVALUATIONS.labels("failed" if outcome.error else "ok").inc()
        SECONDS.observe(outcome.seconds)
        return outcome

    def _judge(self, outcome: Outcome, limits: Limits) -> None:
        rule = outcome.rule
        found = self.ask(rule.expr, limits)
        outcome.series = len(found.labels) if isinstance(found, Vector) else 1
        if rule.kind == AlertRule.Kind.RECORD:
            outcome.samples = [(rule.name, labels, value) for labels, value in recorded(rule, found)]
            for metric, labels, value in outcome.samples:
                self.source.record(metric, labels, value)
            return
        scope = scope_of(rule.group.name, rule.group.file, rule.key)
        known = self.known.get(rule.pk, {})
        outcome.observations, outcome.standing = judge(rule, found, known, self.at, self._query(limits), scope, self._asker(limits))

    def ask(self, expr: str, limits: Limits) -> Value:
        if self.remote is not None:
            return run_instant(expr, self.at_ms, within=limits)
        return evaluate.instant(expr, self.source, self.at_ms, lookback=LOOKBACK, limits=limits)

    def _asker(self, limits: Limits) -> Ask:
        def ask(expr: str, ago: int) -> Value:
            return run_instant(expr, self.at_ms - ago * 1000, within=limits) if ago else self.ask(expr, limits)

        return ask

    def _query(self, limits: Limits) -> Query:
        def query(text: str) -> list[Sample]:
            found = self.ask(text, limits)
            if not isinstance(found, Vector):
                return [Sample({}, getattr(found, "v", float("nan")))]
            return [Sample(labels, value) for labels, value in zip(found.labels, found.v.tolist(), strict=True)]

        return query


def patience(rule: AlertRule) -> float:
    """Seconds one evaluation may take: no longer than until the next."""
    return min(settings.QUERY_SECONDS, max(1.0, float(rule.group.interval)))


def known(rule_ids: Iterable[int]) -> dict[int, dict[str, Known]]:
    """Open alerts by rule and fingerprint."""
    wanted = set(rule_ids)
    rows = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(rule__isnull=False)
    if len(wanted) < 500:
        rows = rows.filter(rule__in=wanted)
    found: defaultdict[int, dict[str, Known]] = defaultdict(dict)
    columns = ("rule_id", "fingerprint", "state", "started_at", "absent_since", "observed_at", "labels__severity")
    for rule, mark, *state in rows.values_list(*columns):
        if rule in wanted:
            found[rule][mark] = Known(*state)
    return found
