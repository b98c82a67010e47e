"""What a person proposes: the runbooks that fit, the fields of the chosen one, and what would come of it before it is a case."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, QueryDict

from monitoring.alerts.durations import shown
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource
from remediation import parameters, render, spec, track_record
from remediation.case_card import Card
from remediation.drafts import Asked, Draft
from remediation.models import Execution, Runbook
from remediation.providers.base import Parameter
from remediation.track_record import Record

LONGEST_TARGET = 300
PREFIX = "p-"  # of a parameter's field


@dataclass(frozen=True)
class Subject:
    """What it is for. All may be missing: then a target is written."""

    alert: Alert | None = None
    resource: Resource | None = None
    incident: Incident | None = None
    target: str = ""

    @property
    def query(self) -> dict[str, int]:
        """As addresses carry it."""
        found = {"alert": self.alert, "resource": self.resource, "incident": self.incident}
        return {name: one.pk for name, one in found.items() if one is not None}

    @property
    def title(self) -> str:
        if self.alert:
            return self.alert.name
        return self.resource.name if self.resource else self.incident.title if self.incident else self.target

    @property
    def on(self) -> Resource | None:
        return self.resource or (self.alert.resource if self.alert else None)

    @property
    def key(self) -> str:
        return f"resource:{self.on.pk}" if self.on else self.target

    @property
    def cause(self) -> str:
        return self.alert.name if self.alert else "manual"

    @property
    def context(self) -> dict[str, Any]:
        return render.context(self.alert, self.on, target=self.target)


def subject(given: QueryDict) -> Subject:
    """Of ?alert=, ?resource=, ?incident=, ?target=. BadRequest for what is no id, 404 for what is not there."""
    alert = _row(Alert.objects.select_related("resource", "rule"), given, "alert")
    resource = _row(Resource.objects.all(), given, "resource")
    incident = _row(Incident.objects.select_related("root_alert__resource", "root_alert__rule"), given, "incident")
    if incident is not None and alert is None and resource is None:
        alert = incident.root_alert
    return Subject(alert, resource, incident, given.get("target", "").replace("\x00", "").strip()[:LONGEST_TARGET])


def _row(rows: Any, given: QueryDict, name: str) -> Any:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise BadRequest(f"{name} is an id.")
    found = rows.filter(pk=int(text)).first()
    if found is None:
        raise Http404(f"There is no such {name}.")
    return found


# -- which runbook -----------------------------------------------------------------------------------------------------------
@dataclass
class Choice:
    runbook: Runbook
    spec: spec.Spec
    fits: bool
    record: Record


def choices(about: Subject, only_fitting: bool = False) -> list[Choice]:
    """Those that fit first, and of them those that helped most often."""
    found = []
    for one in Runbook.objects.filter(enabled=True).exclude(current=None).select_related("current"):
        read = _read(one)
        if read is not None and ((suits := fits(read, about)) or not only_fitting):
            found.append(Choice(one, read, suits, track_record.of(one, about.key, about.cause)))
    return sorted(found, key=lambda one: (not one.fits, -one.record.verified, one.runbook.name))


def _read(runbook: Runbook) -> spec.Spec | None:
    try:
        return spec.parse(runbook.current.spec) if runbook.current else None
    except spec.SpecError:
        return None


def fits(read: spec.Spec, about: Subject) -> bool:
    if about.alert is not None and read.fits.alert(about.alert.name, about.alert.labels):
        return True
    return about.alert is None and about.on is not None and read.fits.resource(about.on.kind)


# -- its fields --------------------------------------------------------------------------------------------------------------
@dataclass
class Field:
    parameter: Parameter
    value: str = ""
    error: str = ""

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.parameter.name}"

    @property
    def label(self) -> str:
        return self.parameter.label or self.parameter.name.replace("_", " ").capitalize()

    @property
    def checked(self) -> bool:
        return self.value.lower() in ("true", "yes", "on", "1")


@dataclass
class Fields:
    all: list[Field] = field(default_factory=list)
    general: str = ""  # what is wrong, and with none of them

    @property
    def given(self) -> dict[str, Any]:
        """For the proposal: what was left empty has its default there."""
        return {one.parameter.name: one.value for one in self.all if one.value != ""}

    def blame(self, name: str, sentence: str) -> None:
        found = next((one for one in self.all if one.parameter.name == name), None)
        if found is None:
            self.general = sentence
        else:
            found.error = sentence


def fields(read: spec.Spec, about: Subject, given: QueryDict | None = None) -> Fields:
    """Filled with what was sent; else with the defaults, as far as the alert says them."""
    if given is not None:
        return Fields([Field(one, _sent(one, given)) for one in read.parameters])
    usual = parameters.defaults(read.parameters, about.context)
    return Fields([Field(one, _written(one, usual.get(one.name))) for one in read.parameters])


def _sent(parameter: Parameter, given: QueryDict) -> str:
    name = f"{PREFIX}{parameter.name}"
    if parameter.type == "boolean":
        return "true" if given.get(name) else "false"
    return given.get(name, "").replace("\r\n", "\n").strip()


def _written(parameter: Parameter, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if parameter.type == "duration" and isinstance(value, int | float):
        return shown(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def asked(runbook: Runbook, about: Subject, given: Fields, dry_run: bool) -> Asked:
    return Asked(
        runbook=runbook, parameters=given.given, alert=about.alert, resource=about.resource, target=about.target, dry_run=dry_run,
        incident=about.incident,
    )  # fmt: skip


def card(made: Draft, preview: dict[str, Any], user: Any) -> Card:
    """As approvers would see it; nothing is written."""
    decision = made.decision
    found = Execution(
        title=made.plan.title, dry_run=made.asked.dry_run, plan=made.plan.to_json(), preview=preview, alert=made.alert,
        resource=made.resource, target=made.plan.target, risk=decision.risk, score=decision.score, decision=decision.to_json(),
        evidence=made.evidence(), requested_by=user,
    )  # fmt: skip
    return Card(found, user)
