"""Cases for tests of rules, policy and approvals: a provider that only remembers what it was asked, runbooks, alerts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource
from remediation.models import AutomationRule, Execution, Provider, Runbook
from remediation.providers import base
from remediation.providers.base import ActionError, ActionProvider, Answer, Ask, Parameter, Preview, Verb

ASKED: list[tuple[str, str, dict[str, Any]]] = []  # (dry_run or run, verb, params)


class Tame(ActionProvider):
    """Does nothing, says what it would do."""

    label = "Tame"
    verbs: Mapping[str, Verb] = {
        "sweep": Verb("sweep", "Sweep a directory", (Parameter("path", required=True),), "low", rehearsable=True),
        "restart": Verb("restart", "Restart a service", (Parameter("service", required=True),), "medium", reversible=True),
        "erase": Verb("erase", "Erase a disk", (), "critical"),
        "change": Verb("change", "Change the cloud", (), "medium", rehearsable=True, plans=True),
    }
    faults: list[ActionError] = []

    def dry_run(self, ask: Ask) -> Preview:
        ASKED.append(("dry_run", ask.verb, dict(ask.params)))
        if self.faults:
            raise self.faults.pop()
        secret = "password=hunter2hunter2"
        plan = "plan-17" if ask.verb == "change" else ""
        return Preview("would do it", [base.Line(f"a line, {secret}")], f"- old {secret}\n+ new", plan)

    def run(self, ask: Ask) -> Answer:
        ASKED.append(("run", ask.verb, dict(ask.params)))
        return Answer(base.SUCCEEDED, "done")


@pytest.fixture
def tame(db: None, monkeypatch: pytest.MonkeyPatch) -> Provider:
    ASKED.clear()
    Tame.faults.clear()
    monkeypatch.setitem(base.PROVIDERS, "tame", f"{__name__}.Tame")
    return Provider.objects.create(name="tame", kind="tame")


@pytest.fixture
def engine_off(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Nothing is advanced; the ids of what would be."""
    from remediation import tasks

    woken: list[int] = []
    monkeypatch.setattr(tasks.advance, "delay", woken.append)
    return woken


def step(verb: str = "sweep", **params: Any) -> dict[str, Any]:
    return {"id": verb, "action": {"provider": "tame", "verb": verb, "params": params}}


def runbook(key: str = "sweep", *steps: dict[str, Any], **more: Any) -> Runbook:
    from remediation import spec, versions

    usual = {"parameters": [{"name": "path", "default": "{{ alert.labels.mountpoint }}", "required": True}], "risk": "low"}
    steps = steps or (step(path="{{ parameters.path }}"),)
    return versions.add(spec.parse({"id": key, "name": key.capitalize(), "steps": list(steps), **usual, **more}), "test")


def host(name: str = "db-1", **fields: Any) -> Resource:
    return Resource.objects.create(kind=fields.pop("kind", "host"), name=name, **fields)


def alert(name: str = "DiskFull", resource: Resource | None = None, **fields: Any) -> Alert:
    now = timezone.now()
    labels = {"alertname": name, "instance": resource.name if resource else "db-1", "mountpoint": "/var", **fields.pop("labels", {})}
    usual = {"severity": "high", "state": "firing", "fired_at": now, "started_at": now - timedelta(minutes=5), "value": 97.0}
    mark = fields.pop("fingerprint", f"{name}{sorted(labels.items())}"[:64])
    return Alert.objects.create(name=name, fingerprint=mark, labels=labels, resource=resource, **{**usual, **fields})


def rule(key: str = "clean", book: Runbook | None = None, match: dict[str, Any] | None = None, **fields: Any) -> AutomationRule:
    return AutomationRule.objects.create(
        key=key, name=key.capitalize(), runbook=book, match={"alertname": "DiskFull"} if match is None else match, **fields
    )


def execution(**fields: Any) -> Execution:
    usual = {"title": "Sweep", "target": "db-1", "target_key": "db-1", "cause": "DiskFull", "plan": {"title": "Sweep", "target": "db-1"}}
    return Execution.objects.create(**{**usual, **fields})
