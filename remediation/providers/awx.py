"""AWX and Automation Controller: launches a job template and follows the job to its end.

The controller drops variables that a template does not ask for and starts the job all the same: that is an error here, before the launch
where it can be seen, and otherwise the job is cancelled at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson
from django import forms

from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Answer, Ask, Line, Parameter, Preview, Verb
from remediation.providers.rest import Rest, RestForm, wanted

KEY = "aiops_key"  # variable by which a job is found again; only where the template takes any
PATH = "/api/v2"
LOOKED_AT = 50  # newest jobs of the template, when one is looked for
ENDED = {"successful": SUCCEEDED, "failed": FAILED, "error": FAILED, "canceled": FAILED}
ASKED = {"limit": "ask_limit_on_launch", "inventory": "ask_inventory_on_launch", "job_tags": "ask_tags_on_launch"}
WAITING = {"new": "is being made", "pending": "waits for capacity", "waiting": "waits for its turn", "running": "runs"}


class AwxForm(RestForm):
    token = forms.CharField(label="Token", max_length=400, help_text="A personal access token of a user who may launch the templates.")
    path = forms.CharField(
        label="Path of the API", max_length=100, initial=PATH, required=False, help_text="Newer controllers: /api/controller/v2"
    )
    field_order = ("url", "token", "path", "verify_tls")

    def clean_path(self) -> str:
        return "/" + str(self.cleaned_data["path"] or PATH).strip().strip("/")


class Awx(Rest):
    label = "Ansible AWX"
    icon = "play"
    about = "Launches job templates of AWX, Ansible Tower or Automation Controller and keeps their output."
    Config = AwxForm
    secret_fields = ("token",)
    verbs: ClassVar[Mapping[str, Verb]] = {
        "launch": Verb(
            "launch",
            "Launch a job template",
            (
                Parameter("template", label="Job template", about="Its id or its name", required=True),
                Parameter("extra_vars", "object", "Variables"),
                Parameter("limit", label="Limit", about="Hosts or groups of the inventory"),
                Parameter("inventory", "integer", "Inventory", about="Its id"),
                Parameter("job_tags", label="Tags"),
            ),
            risk="medium",
            rehearsable=True,
        )
    }

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.secrets.get('token', '')}"}

    def path(self, rest: str) -> str:
        return f"{self.config.get('path') or PATH}/{rest}"

    def said(self, body: Any) -> str:
        """{"detail": …}, or the fields it complains about."""
        if not isinstance(body, Mapping):
            return ""
        return str(body.get("detail") or "; ".join(f"{name}: {_flat(value)}" for name, value in body.items()))

    def check(self) -> str:
        version = self.get(self.path("ping/")).get("version", "of unknown version")
        people = self.get(self.path("me/")).get("results") or [{}]
        return f"AWX {version}, signed in as {people[0].get('username', 'somebody')}"

    # -- what a template takes -----------------------------------------------------------------------------------------------
    def _template(self, ask: Ask) -> Mapping[str, Any]:
        named = wanted(ask.params, "template")
        if named.isdigit():
            found: Mapping[str, Any] = self.get(self.path(f"job_templates/{named}/"))
            return found
        results = self.get(self.path("job_templates/"), name=named).get("results") or []
        if len(results) != 1:
            raise ActionError(f"there {'is no' if not results else 'are several'} job template named {named}", permanent=True)
        return dict(results[0])

    def _asked_for(self, ask: Ask, template: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the template asks on launch. Raises ActionError for what we would send and it would drop, and for what it misses."""
        takes: Mapping[str, Any] = self.get(self.path(f"job_templates/{template['id']}/launch/"))
        given = _variables(ask)
        for name, flag in ASKED.items():
            if ask.params.get(name) and not takes.get(flag):
                raise ActionError(f"{template['name']} does not ask for {name}: it would be dropped", permanent=True)
        if given and not takes.get("ask_variables_on_launch") and not takes.get("survey_enabled"):
            raise ActionError(f"{template['name']} takes no variables: {', '.join(sorted(given))} would be dropped", permanent=True)
        missing = sorted(set(takes.get("variables_needed_to_start") or ()) - set(given))
        if missing:
            raise ActionError(f"{template['name']} needs {', '.join(missing)}", permanent=True)
        return takes

    def dry_run(self, ask: Ask) -> Preview:
        template = self._template(ask)
        self._asked_for(ask, template)
        where = f" limited to {ask.params['limit']}" if ask.params.get("limit") else ""
        lines = [Line(f"{name} = {value}") for name, value in sorted(_variables(ask).items())]
        playbook = f" ({template['playbook']})" if template.get("playbook") else ""
        return Preview(f"Would launch {template['name']}{playbook}{where}", lines)

    # -- the job -------------------------------------------------------------------------------------------------------------
    def run(self, ask: Ask) -> Answer:
        template = self._template(ask)
        takes = self._asked_for(ask, template)
        body: dict[str, Any] = {name: ask.params[name] for name in ASKED if ask.params.get(name)}
        variables = _variables(ask) | ({KEY: ask.key} if takes.get("ask_variables_on_launch") else {})
        if variables:
            body["extra_vars"] = variables
        job = self.parsed(self.call("POST", self.path(f"job_templates/{template['id']}/launch/"), body=body))
        handle = str(job.get("job") or job.get("id") or "")
        if job.get("ignored_fields"):
            self._cancel(handle)
            dropped = ", ".join(sorted(job["ignored_fields"].get("extra_vars") or job["ignored_fields"]))
            raise ActionError(f"{template['name']} dropped {dropped}: job {handle} was cancelled", permanent=True)
        return Answer(RUNNING, f"Job {handle} {WAITING.get(job.get('status', ''), 'was launched')}", handle, poll_in=3.0)

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        job = self.get(self.path(f"jobs/{handle}/"))
        status = str(job.get("status", ""))
        lines, cursor = self._output(handle, cursor, ended=status in ENDED)
        if status not in ENDED:
            return Answer(RUNNING, f"Job {handle} {WAITING.get(status, status)}", handle, cursor, lines, poll_in=3.0)
        facts = {"job": handle, "status": status, "elapsed": job.get("elapsed"), "url": f"{self.config['url']}/#/jobs/playbook/{handle}"}
        why = " ".join(str(job.get("job_explanation") or "").split())
        return Answer(ENDED[status], f"Job {handle} ended {status}{f': {why}' if why else ''}", handle, cursor, lines, facts)

    def _output(self, handle: str, cursor: str, ended: bool) -> tuple[list[Line], str]:
        """What was written since `cursor` (characters read); of a job under way whole lines only."""
        text = self.call("GET", self.path(f"jobs/{handle}/stdout/"), params={"format": "txt"}).text
        start = int(cursor or 0)
        end = len(text) if ended else text.rfind("\n") + 1
        if end <= start:
            return [], cursor
        return [Line(line, _level(line)) for line in text[start:end].splitlines() if line.strip()], str(end)

    def resume(self, ask: Ask) -> Answer | None:
        template = self._template(ask)
        takes = self.get(self.path(f"job_templates/{template['id']}/launch/"))
        if not takes.get("ask_variables_on_launch"):
            raise ActionError(f"{template['name']} takes no variables, so its jobs cannot be told apart", permanent=True, unclear=True)
        jobs = self.get(self.path("jobs/"), job_template=template["id"], order_by="-id", page_size=LOOKED_AT).get("results") or []
        found = next((job for job in jobs if _key_of(job) == ask.key), None)
        return None if found is None else self.poll(ask, str(found["id"]), "")

    def cancel(self, ask: Ask, handle: str) -> Answer:
        self._cancel(handle)
        return self.poll(ask, handle, "")

    def _cancel(self, handle: str) -> None:
        try:
            self.call("POST", self.path(f"jobs/{handle}/cancel/"))
        except ActionError as fault:
            if "405" not in fault.message:  # it is over already
                raise


def _variables(ask: Ask) -> dict[str, Any]:
    given = ask.params.get("extra_vars") or {}
    if not isinstance(given, Mapping):
        raise ActionError("extra_vars has to be an object", permanent=True)
    return dict(given)


def _key_of(job: Mapping[str, Any]) -> str:
    try:
        return str(orjson.loads(job.get("extra_vars") or "{}").get(KEY, ""))
    except orjson.JSONDecodeError:
        return ""


def _level(line: str) -> str:
    return "error" if line.startswith(("fatal:", "failed:", "ERROR")) else "warning" if line.startswith("[WARNING]") else "info"


def _flat(value: Any) -> str:
    return "; ".join(map(str, _each(value)))


def _each(value: Any) -> Iterator[Any]:
    yield from (value if isinstance(value, list) else [value])
