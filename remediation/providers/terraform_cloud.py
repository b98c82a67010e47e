"""HCP Terraform and Terraform Enterprise: a run is planned first, its plan is what people see, and applying it is the approved step."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import httpx
from django import forms

from aiops import http
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Answer, Ask, Line, Parameter, Preview, Verb
from remediation.providers.rest import MOST_BYTES, Rest, RestForm, read, wanted
from remediation.providers.terraform_plan import changed, hcl, summary

PUBLIC = "https://app.terraform.io"
STILL = {
    "pending", "fetching", "fetching_completed", "pre_plan_running", "queuing", "plan_queued", "planning", "cost_estimating",
    "policy_checking",
}  # fmt: skip
APPLYING = {"confirmed", "apply_queued", "queuing_apply", "applying", "post_plan_running", "pre_apply_running"}
DEAD = {"errored", "discarded", "canceled", "force_canceled", "policy_soft_failed"}
LOOKS, PAUSE = 6, 2.5  # how often a dry run looks whether the plan is made; seconds between


class TerraformCloudForm(RestForm):
    token = forms.CharField(label="Token", max_length=400, help_text="Of a team or user who may plan and apply in the workspaces.")
    organization = forms.CharField(label="Organization", max_length=200)
    field_order = ("url", "token", "organization", "verify_tls")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].initial = PUBLIC


class TerraformCloud(Rest):
    label = "HCP Terraform"
    icon = "cloud"
    about = "Plans runs of HCP Terraform or Terraform Enterprise and applies the plan that was approved."
    Config = TerraformCloudForm
    secret_fields = ("token",)
    content_type = "application/vnd.api+json"
    verbs: ClassVar[Mapping[str, Verb]] = {
        "apply": Verb(
            "apply",
            "Plan and apply a workspace",
            (
                Parameter("workspace", label="Workspace", about="Its name or id", required=True),
                Parameter("variables", "object", "Variables"),
            ),
            risk="high",
            rehearsable=True,
            plans=True,
        )
    }

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.secrets.get('token', '')}"}

    def said(self, body: Any) -> str:
        """{"errors": [{"status", "title", "detail"}]}."""
        errors = body.get("errors") if isinstance(body, Mapping) else None
        return "; ".join(str(one.get("detail") or one.get("title") or "") if isinstance(one, Mapping) else str(one) for one in errors or ())

    def check(self) -> str:
        found = self.get("/api/v2/account/details")["data"]["attributes"]
        organization = self.get(f"/api/v2/organizations/{quote(str(self.config['organization']))}")["data"]["id"]
        return f"signed in as {found.get('username', 'somebody')}, organization {organization}"

    # -- planning ------------------------------------------------------------------------------------------------------------
    def dry_run(self, ask: Ask) -> Preview:
        """Makes the run that `run` will apply. It waits at the other side until it is applied or discarded."""
        run = self._run(ask.params["plan"]) if ask.params.get("plan") else self._planned(ask)
        for _ in range(LOOKS):
            if run["attributes"]["status"] not in STILL:
                break
            time.sleep(PAUSE)
            run = self._run(run["id"])
        return self._preview(run)

    def _planned(self, ask: Ask) -> Mapping[str, Any]:
        variables = [{"key": name, "value": hcl(value)} for name, value in sorted(_variables(ask).items())]
        attributes = {"message": f"AIOps {ask.case or ask.key}: {ask.reason}"[:500], "auto-apply": False, "variables": variables}
        workspace = {"data": {"type": "workspaces", "id": self._workspace(ask)}}
        body = {"data": {"type": "runs", "attributes": attributes, "relationships": {"workspace": workspace}}}
        made: Mapping[str, Any] = self.parsed(self.call("POST", "/api/v2/runs", body=body))["data"]
        return made

    def _workspace(self, ask: Ask) -> str:
        named = wanted(ask.params, "workspace")
        if named.startswith("ws-"):
            return named
        organization = quote(str(self.config["organization"]))
        return str(self.get(f"/api/v2/organizations/{organization}/workspaces/{quote(named)}")["data"]["id"])

    def _run(self, run_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.get(f"/api/v2/runs/{quote(run_id)}")["data"]
        return found

    def _preview(self, run: Mapping[str, Any]) -> Preview:
        status = run["attributes"]["status"]
        if status in STILL:
            return Preview("The plan is still being made", plan=run["id"])
        if status in DEAD:
            raise ActionError(f"the plan of run {run['id']} ended {status}", permanent=True)
        changes = self._plan(run)
        return Preview(summary(changes), diff=changed(changes), plan=run["id"], changes=status != "planned_and_finished")

    def _plan(self, run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """resource_changes of the plan. They lie at a store that one redirect leads to, without our token."""
        plan_id = run["relationships"]["plan"]["data"]["id"]
        url = f"{self.config['url']}/api/v2/plans/{quote(plan_id)}/json-output"
        answer = self._fetch(url, {"Content-Type": self.content_type, **self.headers()})
        if answer.is_redirect:
            answer = self._fetch(answer.headers.get("Location", ""), {})
        if not answer.is_success:
            raise self.refused(answer)
        return list((read(answer) or {}).get("resource_changes") or ())

    def _fetch(self, url: str, headers: dict[str, str]) -> httpx.Response:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ActionError("the plan lies nowhere it could be read from", permanent=True)
        verify = bool(self.config.get("verify_tls", True))
        try:
            return http.request(
                "GET", url, headers=headers, allow_private=True, verify=verify, deadline=self.deadline, most_bytes=MOST_BYTES
            )
        except (http.Refused, http.Unreachable, http.TooLarge) as fault:
            raise self.failed(str(fault), permanent=isinstance(fault, http.Refused) and not isinstance(fault, http.Resting)) from None

    # -- applying ------------------------------------------------------------------------------------------------------------
    def run(self, ask: Ask) -> Answer:
        run_id = str(ask.params.get("plan") or "")
        if not run_id:
            raise ActionError("there is no plan that was approved; it is made before the approval is asked for", permanent=True)
        run = self._run(run_id)
        status = run["attributes"]["status"]
        if status in STILL:
            raise ActionError("the plan is still being made", retry_after=5.0)
        if not run["attributes"].get("actions", {}).get("is-confirmable"):
            return self._standing(run)
        self.call("POST", f"/api/v2/runs/{quote(run_id)}/actions/apply", body={"comment": f"Approved in AIOps. {ask.url}".strip()})
        return Answer(RUNNING, f"Run {run_id} is being applied", run_id, poll_in=5.0)

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        return self._standing(self._run(handle), cursor)

    def resume(self, ask: Ask) -> Answer | None:
        run_id = str(ask.params.get("plan") or "")
        if not run_id:
            return None
        run = self._run(run_id)
        return None if run["attributes"].get("actions", {}).get("is-confirmable") else self._standing(run)

    def cancel(self, ask: Ask, handle: str) -> Answer:
        """A plan that waits is discarded, an apply under way is cancelled."""
        run = self._run(handle)
        can = run["attributes"].get("actions", {})
        verb = "cancel" if can.get("is-cancelable") else "discard" if can.get("is-discardable") else ""
        if verb:
            self.call("POST", f"/api/v2/runs/{quote(handle)}/actions/{verb}", body={"comment": "Asked by AIOps"})
            run = self._run(handle)
        return self._standing(run)

    def discard(self, ask: Ask, plan: str) -> None:
        """It keeps its workspace locked as long as it waits."""
        self.cancel(ask, plan)

    def _standing(self, run: Mapping[str, Any], cursor: str = "") -> Answer:
        run_id, status = str(run["id"]), str(run["attributes"]["status"])
        facts = {"run": run_id, "status": status, "url": f"{self.config['url']}/app/{self.config['organization']}/runs/{run_id}"}
        lines = [] if cursor == status else [Line(f"Run {run_id}: {status.replace('_', ' ')}", "error" if status in DEAD else "info")]
        if status in ("applied", "planned_and_finished"):
            said = "has nothing to change" if status == "planned_and_finished" else "was applied"
            return Answer(SUCCEEDED, f"Run {run_id} {said}", run_id, status, lines, facts)
        if status in DEAD:
            return Answer(FAILED, f"Run {run_id} ended {status.replace('_', ' ')}", run_id, status, lines, facts)
        words = "is being applied" if status in APPLYING else "is being planned" if status in STILL else "waits to be applied"
        return Answer(RUNNING, f"Run {run_id} {words}", run_id, status, lines, facts, poll_in=5.0)


def _variables(ask: Ask) -> dict[str, Any]:
    given = ask.params.get("variables") or {}
    if not isinstance(given, Mapping):
        raise ActionError("variables has to be an object", permanent=True)
    return dict(given)
