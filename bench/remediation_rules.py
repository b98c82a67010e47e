"""One alert against 500 automation rules: which are about it, what their guards say, the plan and what policy says of it. Then the same
with the case and the decisions written down. Called by the remediation suite, in its process and on its database.
"""

from datetime import timedelta

from bench.cpu import Clock, backend_pids, per_call
from bench.row import Row

RULES, TIMES = 500, 200
REGEXES, SAME_NAME = 50, 10  # rules for any name with a regex; rules that name the alert and want another severity


def measure_rules(scale: float) -> list[Row]:
    """Leaves the rules, switched off, and the cases behind."""
    from django.db import connection

    database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    alert = _load()
    clock, times = Clock(backend_pids()), max(20, round(TIMES * scale))
    cpu, wall = per_call(clock, lambda: judge(alert), times)
    rows = [Row("one alert against 500 rules: match, guard, policy", database, cpu, "ms CPU", 5, f"{wall:.1f} ms wall")]
    moments = iter(range(10_000))
    cpu, wall = per_call(clock, lambda: _decided(alert, next(moments)), max(20, times // 4))
    rows.append(
        Row("the same with its case written down", database, cpu, "ms CPU", None, f"{wall:.1f} ms wall; audit and decisions with it")
    )
    _clear()
    return rows


def judge(alert) -> str:
    """The verdict; nothing is written."""
    from remediation import drafts, matching, rulebook
    from remediation.guard import before
    from remediation.match import seen

    concerning = rulebook.current().concerning(seen(alert, alert.fired_at))
    known = matching.of_alert(alert)
    for ready, said in concerning:
        if said.matched and not before(ready.guards, now := matching.of_rule(ready.rule, known)):
            made = drafts.draft(matching.asked_by(ready.rule, alert), person=False)
            if not matching.held_at_target(ready, made, now):
                return made.decision.verdict
    raise SystemExit("no rule let it through")


def _decided(alert, moment: int) -> None:
    from remediation import matching, rulebook
    from remediation.match import seen
    from remediation.models import Execution

    firing = alert.fired_at + timedelta(seconds=moment)
    if not matching.decide(alert, firing, rulebook.current().concerning(seen(alert, firing))):
        raise SystemExit("no case was proposed")
    Execution.objects.filter(alert=alert).update(state="succeeded", due_at=None)


def _load():
    from django.utils import timezone

    from monitoring.alerts.models import Alert
    from monitoring.inventory.models import Resource
    from remediation import policy_table, spec, versions
    from remediation.models import AutomationRule, Provider
    from remediation.providers import base

    base.PROVIDERS["measured"] = "bench.remediation_provider.Measured"
    Provider.objects.get_or_create(name="quick", kind="measured")
    policy_table.install()
    step = {"id": "note", "action": {"provider": "quick", "verb": "note"}}
    book = versions.add(spec.parse({"id": "bench-rules", "name": "Bench of rules", "risk": "low", "steps": [step]}), "bench")
    matches = [{"alertname": f"Other{place}", "severity": ["high"]} for place in range(RULES - REGEXES - SAME_NAME - 1)]
    matches += [{"service": f"=~(shop|cart)-{place}-.*", "kind": "real"} for place in range(REGEXES)]
    matches += [{"alertname": "DiskFullBench", "severity": "low"} for _ in range(SAME_NAME)]
    guards = {"cooldown": 0, "max_per_hour": 0}
    rules = [*matches, {"alertname": "DiskFullBench", "severity": ["high", "critical"]}]
    AutomationRule.objects.bulk_create(
        AutomationRule(key=f"bench-{place}", name=f"Bench {place}", position=place, match=match, guards=guards, runbook=book)
        for place, match in enumerate(rules)
    )
    host = Resource.objects.create(kind="host", name="bench-rules")
    labels = {"alertname": "DiskFullBench", "instance": host.name, "service": "shop-web", "mountpoint": "/"}
    now = timezone.now()
    return Alert.objects.create(
        fingerprint="bench-rules",
        name="DiskFullBench",
        severity="high",
        labels=labels,
        resource=host,
        state="firing",
        fired_at=now,
        started_at=now,
    )


def _clear() -> None:
    from monitoring.alerts.models import Alert
    from remediation import rulebook
    from remediation.models import AutomationRule

    AutomationRule.objects.filter(key__startswith="bench-").delete()
    Alert.objects.filter(fingerprint="bench-rules").delete()
    rulebook.forget()
