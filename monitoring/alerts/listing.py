"""Rules and alerts in the shapes of Prometheus' HTTP API."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from monitoring.alerts.models import Alert, AlertRule, RuleGroup

_NEVER = "0001-01-01T00:00:00Z"
_STATES = {"pending": 1, "firing": 2}
Row = dict[str, Any]


def alerts() -> Iterator[Row]:
    """Those of rules, pending and firing, as Prometheus lists them; others' alerts are not the query API's."""
    rows = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(rule__isnull=False).order_by("id")
    return (_alert(row) for row in rows.defer("evidence").iterator(chunk_size=2000))


def _alert(alert: Alert) -> Row:
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": alert.state,
        "activeAt": _time(alert.started_at),
        "value": "NaN" if alert.value is None else repr(alert.value),
    }


def rule_groups() -> Iterator[Row]:
    open_ones: defaultdict[int, list[Row]] = defaultdict(list)
    for row in Alert.objects.exclude(state=Alert.State.RESOLVED).filter(rule__isnull=False).defer("evidence").order_by("id"):
        open_ones[row.rule_id or 0].append(_alert(row))
    rules: defaultdict[int, list[Row]] = defaultdict(list)
    for rule in AlertRule.objects.filter(enabled=True).order_by("group_id", "position", "id"):
        rules[rule.group_id].append(_rule(rule, open_ones[rule.pk]))
    for group in RuleGroup.objects.order_by("file", "name"):
        if rules[group.pk]:
            yield _group(group, rules[group.pk])


def _group(group: RuleGroup, rules: list[Row]) -> Row:
    return {
        "name": group.name,
        "file": group.file,
        "interval": group.interval,
        "limit": 0,
        "rules": rules,
        "evaluationTime": (group.last_duration_ms or 0.0) / 1000,
        "lastEvaluation": _time(group.last_evaluated),
    }


def _rule(rule: AlertRule, open_ones: list[Row]) -> Row:
    common = {
        "name": rule.name,
        "query": rule.expr,
        "health": rule.health,
        "evaluationTime": (rule.last_duration_ms or 0.0) / 1000,
        "lastEvaluation": _time(rule.last_evaluated),
    } | ({"lastError": rule.last_error} if rule.last_error else {})
    if rule.kind == AlertRule.Kind.RECORD:
        return {**common, "type": "recording", "labels": rule.labels}
    return {
        **common,
        "type": "alerting",
        "labels": {**rule.labels, "severity": rule.severity},
        "annotations": rule.annotations,
        "duration": rule.for_seconds,
        "keepFiringFor": rule.keep_firing_for,
        "state": max((str(one["state"]) for one in open_ones), key=lambda state: _STATES[state], default="inactive"),
        "alerts": open_ones,
    }


def _time(when: datetime | None) -> str:
    return when.isoformat().replace("+00:00", "Z") if when else _NEVER
