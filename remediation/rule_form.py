"""A rule as a form: the same mapping as in a file, taken apart into fields and put together again."""

from collections.abc import Mapping
from typing import Any

import yaml
from django import forms

from aiops import plugin_forms
from monitoring.alerts.models import Severity
from remediation import match, rule_files
from remediation.match import OPERATORS
from remediation.models import AutomationRule, Provider, Runbook
from remediation.policy_table import DAYS
from remediation.rule_files import RuleError

HOLD = (("hold", "Hold it back"), ("allow", "Act all the same"))
# place in a rule -> field of the form; a place below one of these belongs to it
FIELDS = {
    "id": "id", "name": "name", "description": "description", "match.severity": "severity", "match.kind": "kind",
    "match.min_confidence": "min_confidence", "match.time.hours": "hours", "match.time.days": "days", "match.time.time_zone": "time_zone",
    "match.time": "hours", "match.failure_type": "failure_type", "match.source": "source", "match.resource_kind": "resource_kind",
    "match.environment": "environment", "match.labels": "labels", "alertname": "alertname", "match": "labels",
    "guards.cooldown": "cooldown", "guards.max_per_hour": "max_per_hour", "guards.blast_radius": "blast_radius",
    "guards.failures": "failures", "guards.breaker": "failures", "guards.pause": "pause", "guards.expires": "expires",
    "runbook": "runbook", "parameters": "parameters", "action.provider": "provider", "action.verb": "verb", "action.params": "params",
    "action": "provider",
}  # fmt: skip


def _text(label: str, help_text: str = "", longest: int = 1_000, required: bool = False) -> forms.CharField:
    return forms.CharField(label=label, required=required, max_length=longest, help_text=help_text, empty_value="")


def _area(label: str, help_text: str, rows: int = 3) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=20_000, help_text=help_text, widget=forms.Textarea({"rows": rows, "spellcheck": "false"})
    )


def _checks(label: str, choices: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, required=False, choices=choices, widget=forms.CheckboxSelectMultiple)


class RuleForm(forms.Form):
    """What is left empty is not asked for."""

    name = _text("Name", longest=200, required=True)
    id = _text("Id", "Letters, digits, _ . : and -; from the name where it is empty. It stays.", 100)
    description = _area("Description", "", 2)
    enabled = forms.BooleanField(label="On", required=False)
    dry_run = forms.BooleanField(label="Dry run: it only says what it would do", required=False)
    # match
    alertname = _text("Alerts", "Names, with commas between them; * stands for any text.")
    labels = _area("Labels", "One on each line: service=checkout, instance=~db-.*, site!=lab.")
    severity = _checks("Severity", Severity.choices)
    kind = _checks("Kind", [("real", "Real"), ("anomaly", "Anomaly"), ("predictive", "Predictive")])
    failure_type = _text("Failure type", "Of what is predicted, with commas between them.")
    min_confidence = forms.FloatField(label="Confidence at least", required=False, min_value=0, max_value=1, help_text="0 to 1.")
    resource_kind = _text("Kind of resource", "host, vm, pod …")
    environment = _text("Environment")
    source = _text("Source", "Who raised it: rule, alertmanager, forecasting …")
    hours = _text("Hours", "From and to, as 22-6.", 20)
    days = _checks("Days", [(day, day.capitalize()) for day in DAYS])
    time_zone = _text("Time zone", "UTC where it is empty.", 64)
    # guards
    cooldown = _text("Cooldown", "Between two of the same on one target: 15m where it is empty.", 40)
    max_per_hour = forms.IntegerField(
        label="Runs in an hour, at most", required=False, min_value=0, max_value=100_000, help_text="10 where it is empty; 0 = no limit."
    )
    blast_radius = forms.IntegerField(
        label="Blast radius, at most",
        required=False,
        min_value=0,
        max_value=100_000,
        help_text="Resources that hang on the target: 25 where it is empty.",
    )
    failures = forms.IntegerField(
        label="Breaker opens after failures",
        required=False,
        min_value=0,
        max_value=1_000,
        help_text="In a row: 3 where it is empty; 0 = never.",
    )
    pause = _text("Breaker stays open for", "6h where it is empty.", 40)
    maintenance = forms.ChoiceField(label="In a maintenance window", choices=HOLD, required=False)
    silenced = forms.ChoiceField(label="Where the alert is silenced", choices=HOLD, required=False)
    expires = _text("An approver has", "As long as the risk allows where it is empty.", 40)
    # what it does
    runbook = forms.ChoiceField(label="Runbook", required=False)
    parameters = _area(
        "Parameters", "name: value on each line; {{ alert.labels.instance }} is filled in. What is left out has its default."
    )
    provider = _text("Or one action of the provider", "A provider's name, or a kind of which there is one.", 150)
    verb = _text("Verb", "", 64)
    params = _area("Its parameters", "name: value on each line.")

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        runbooks: Any = self.fields["runbook"]
        runbooks.choices = [("", "None"), *Runbook.objects.order_by("name").values_list("key", "name")]
        self.fields["provider"].widget.attrs["list"] = "providers"
        plugin_forms.dress(self)

    @property
    def providers(self) -> list[str]:
        return list(Provider.objects.order_by("name").values_list("name", flat=True))

    def say(self, fault: RuleError) -> None:
        """Marks the field that is wrong."""
        place = fault.place
        while place and place not in FIELDS:
            place = place.rpartition(".")[0]
        self.add_error(FIELDS.get(place), fault.sentence)

    def raw(self) -> dict[str, Any]:
        """As a file has it. Raises RuleError."""
        given = self.cleaned_data
        what: dict[str, Any] = (
            {"runbook": given["runbook"], "parameters": _yaml(given["parameters"], "parameters")} if given["runbook"] else {}
        )
        if given["provider"] or given["verb"]:
            what["action"] = _some(
                {"provider": given["provider"], "verb": given["verb"], "params": _yaml(given["params"], "action.params")}
            )
        usual = {"name": given["name"], "description": given["description"], "id": given["id"]}
        return {
            **_some(usual), "enabled": given["enabled"], "dry_run": given["dry_run"], "match": _match(given), "guards": _guards(given),
            **what,
        }  # fmt: skip


def _some(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in ("", None, [], {})}


def _yaml(text: str, place: str) -> dict[str, Any]:
    """A template is quoted by people or not: {{ x }} alone is no mapping of YAML."""
    lines = []
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        bare = colon and value.strip().startswith("{{") and not value.strip().startswith(("'", '"'))
        lines.append(f"{name}: {_quoted(value.strip())}" if bare else line)
    try:
        found = yaml.safe_load("\n".join(lines))
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        raise RuleError("This cannot be read; write name: value on each line.", place) from fault
    if found is not None and not isinstance(found, dict):
        raise RuleError("Write name: value on each line.", place)
    return found or {}


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _match(given: Mapping[str, Any]) -> dict[str, Any]:
    hours = _hours(given["hours"])
    time = _some({"hours": hours, "days": given["days"], "time_zone": given["time_zone"] if hours or given["days"] else ""})
    lists = {name: _words(given[name]) for name in ("alertname", "failure_type", "resource_kind", "environment", "source")}
    rest = {"severity": given["severity"], "kind": given["kind"], "min_confidence": given["min_confidence"], "time": time}
    return _some({**lists, "labels": _labels(given["labels"]), **rest})


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _hours(text: str) -> list[int]:
    if not text:
        return []
    start, _, end = text.replace("–", "-").partition("-")
    try:
        return [int(start.strip().partition(":")[0]), int(end.strip().partition(":")[0])]
    except ValueError as fault:
        raise RuleError("Hours are two whole numbers, as 22-6.", "match.time.hours") from fault


def _labels(text: str) -> list[dict[str, str]]:
    found = []
    for line in (line.strip() for line in text.splitlines() if line.strip()):
        place, op = min(
            ((line.find(one), one) for one in OPERATORS if one in line), default=(-1, ""), key=lambda one: (one[0], -len(one[1]))
        )
        if place <= 0:
            raise RuleError(f"{line[:40]!r} is no matcher; write service=checkout.", "match.labels")
        found.append({"name": line[:place].strip(), "op": op, "value": line[place + len(op) :].strip().strip('"')})
    return found


def _guards(given: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: given[name] for name in ("cooldown", "max_per_hour", "blast_radius", "expires")}
    words = {name: given[name] for name in ("maintenance", "silenced") if given[name] == "allow"}
    return _some({**plain, "breaker": _some({"failures": given["failures"], "pause": given["pause"]}), **words})


# -- and back --------------------------------------------------------------------------------------------------------------
def initial(rule: AutomationRule) -> dict[str, Any]:
    """Of a rule that can be read; of one that cannot, what stands beside its match and guards."""
    found: dict[str, Any] = {
        "name": rule.name, "id": rule.key, "description": rule.description, "enabled": rule.enabled, "dry_run": rule.dry_run,
        "runbook": rule.runbook.key if rule.runbook else "", "parameters": _lines(rule.parameters),
        "provider": rule.action.get("provider", ""),
        "verb": rule.action.get("verb", ""), "params": _lines(rule.action.get("params") or {}),
    }  # fmt: skip
    return {**found, **_initial_match(rule.match), **_initial_guards(rule.guards)}


def _lines(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=1_000).strip() if values else ""


def _initial_match(raw: Any) -> dict[str, Any]:
    try:
        ready = match.compiled(raw)
    except match.MatchError:
        return {}
    found: dict[str, Any] = {name: ", ".join(sorted(words)) for name, words in ready.wanted.items()}
    found |= {name: sorted(ready.wanted[name]) for name in ("severity", "kind") if name in ready.wanted}
    found |= {"alertname": ", ".join(ready.names), "labels": "\n".join(f"{one.name}{one.op}{one.value}" for one, _ in ready.labels)}
    if ready.time:
        hours = f"{ready.time.hours[0]}-{ready.time.hours[1]}" if ready.time.hours else ""
        found |= {"hours": hours, "days": sorted(ready.time.days), "time_zone": ready.time.zone.key}
    return {**found, "min_confidence": ready.least}


def _initial_guards(raw: Mapping[str, Any]) -> dict[str, Any]:
    breaker = raw.get("breaker")
    inner = breaker if isinstance(breaker, Mapping) else {"failures": 0 if breaker in ("off", False) else breaker}
    return {
        **{name: value for name, value in raw.items() if name != "breaker"},
        "failures": inner.get("failures"),
        "pause": inner.get("pause"),
    }


def spec_of(form: RuleForm, key: str = "") -> rule_files.RuleSpec:
    """Of a form that is valid by itself. `key`: of the rule that is changed. Raises RuleError."""
    return rule_files.parse({**form.raw(), **({"id": key} if key else {})})
