"""The editor of runbooks: a text, what is wrong with it line by line, and what it would do for an alert."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource
from monitoring.notifications.models import Channel
from remediation import lint, parameters, render, runbook_files
from remediation.lint import ERROR, Finding, Known
from remediation.models import Provider
from remediation.parameters import ParameterError
from remediation.plan import Plan
from remediation.render import RenderError
from remediation.runbook_files import UnreadableFile
from remediation.spec import Spec

LONGEST = 100_000  # characters
STARTER = """\
id: my-runbook
name: My runbook
description: What it mends, and what it leaves alone.
risk: medium
expected: 2m
fits:
  alerts: [FilesystemAlmostFull]
parameters:
  - name: instance
    required: true
    default: "{{ alert.labels.instance }}"
steps:
  - id: act
    title: Restart the service of {{ parameters.instance }}
    action:
      provider: command
      verb: restart_service
      params:
        service: nginx
success:
  - name: It answers
    query: up{instance="{{ parameters.instance }}"} == 1
    hold: 1m
    within: 10m
"""


@dataclass(frozen=True)
class Mark:
    """A finding with its line, from 1; 0 where it has none."""

    line: int
    level: str
    place: str
    text: str


@dataclass
class Typed:
    text: str
    spec: Spec | None = None
    marks: list[Mark] = field(default_factory=list)

    @property
    def errors(self) -> list[Mark]:
        return [one for one in self.marks if one.level == ERROR]


def providers() -> list[Known]:
    return [Known(*one) for one in Provider.objects.order_by("name").values_list("name", "kind", "enabled")]


def findings(spec: Spec) -> list[Finding]:
    """As things are set up here."""
    return lint.lint(spec, providers(), set(Channel.objects.values_list("name", flat=True)))


def typed(text: str, key: str = "") -> Typed:
    """`key`: of the runbook that is edited, which stays. What is wrong stands in `marks`; without a spec nothing can be saved."""
    found = Typed(text.replace("\r\n", "\n"))
    if len(text) > LONGEST:
        found.marks.append(Mark(0, ERROR, "", f"A runbook has at most {LONGEST:,} characters."))
        return found
    try:
        read = runbook_files.load(found.text)
    except UnreadableFile as fault:
        found.marks.append(Mark(fault.line, ERROR, "", str(fault)))
        return found
    found.marks += [Mark(one.line, ERROR, one.place, one.text) for one in read.refused]
    if len(read.found) + len(read.refused) > 1:
        found.marks.append(Mark(1, ERROR, "", "One runbook is written here; import a file of several."))
    elif read.specs:
        _judge(found, read.specs[0], key)
    return found


def _judge(found: Typed, spec: Spec, key: str) -> None:
    if key and spec.id != key:
        found.marks.append(Mark(_lines(found.text, ["id"])["id"], ERROR, "id", f"The id stays {key}; a copy can have another."))
        return
    found.spec = spec
    said = findings(spec)
    there = [one.place for one in said if re.split(r"[.\[]", one.place)[0] in spec.raw]  # what is not there has no line
    lines = _lines(found.text, there)
    found.marks += [Mark(lines.get(one.place, 0), one.level, one.place, one.text) for one in said]


def _lines(text: str, places: Iterable[str]) -> dict[str, int]:
    """A text that was just read can be read again; what stands in a list of one is looked for from its beginning."""
    try:
        return runbook_files.lines_of(text, places)
    except UnreadableFile:
        return dict.fromkeys(places, 0)


def plan_for(spec: Spec, alert: Alert | None, resource: Resource | None = None) -> Plan:
    """With its defaults, as a rule without parameters would propose it. Raises ParameterError, RenderError."""
    context = render.context(alert, resource or (alert.resource if alert else None))
    given = parameters.validate(spec.parameters, {}, context)
    return render.fill(spec, given, {**context, "parameters": given})


def plan_or_why(spec: Spec, alert: Alert | None) -> tuple[Plan | None, str]:
    try:
        return plan_for(spec, alert), ""
    except ParameterError as fault:
        return None, fault.sentence
    except RenderError as fault:
        return None, f"{str(fault)[:1].upper()}{str(fault)[1:]}."


def alerts_for(spec: Spec, most: int = 20) -> list[Alert]:
    """To try it with: those that it fits first, of these the newest. Also some that it does not fit, so that there is something."""
    newest = Alert.objects.select_related("resource").defer("evidence").order_by("-fired_at", "-id")[: most * 10]
    found = sorted(newest, key=lambda one: (not spec.fits.alert(one.name, one.labels), not one.is_open))
    return found[:most]
