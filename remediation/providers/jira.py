"""Jira Cloud, REST v3: issues, transitions, comments. An issue we open carries a label with our key, a comment a property, by which they
are found before anything is written twice."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from django import forms

from remediation.providers.base import SUCCEEDED, ActionError, Answer, Ask, Line, Parameter, Preview, Verb
from remediation.providers.rest import Rest, RestForm, wanted

API = "/rest/api/3"
PROPERTY = "aiops"
LONGEST_SUMMARY = 254
ISSUE = Parameter("issue", label="Issue", about="Its key: OPS-42", required=True, pattern=r"[A-Z][A-Z0-9_]+-\d+")


class JiraForm(RestForm):
    email = forms.EmailField(label="E-mail")
    api_token = forms.CharField(label="API token", max_length=400)
    project = forms.CharField(
        label="Project", max_length=20, required=False, help_text="Key of the project that issues go to unless one is named."
    )
    issue_type = forms.CharField(label="Issue type", max_length=60, initial="Task", required=False)
    field_order = ("url", "email", "api_token", "project", "issue_type", "verify_tls")


class Jira(Rest):
    label = "Jira"
    icon = "incidents"
    about = "Opens issues, moves them through their workflow and comments on them."
    Config = JiraForm
    secret_fields = ("api_token",)
    verbs: ClassVar[Mapping[str, Verb]] = {
        "create_issue": Verb(
            "create_issue",
            "Open an issue",
            (
                Parameter("summary", label="Summary", required=True),
                Parameter("description", label="Description"),
                Parameter("project", label="Project"),
                Parameter("type", label="Issue type"),
                Parameter("priority", label="Priority"),
                Parameter("labels", "list", "Labels"),
            ),
            risk="low",
            rehearsable=True,
        ),
        "transition": Verb(
            "transition",
            "Move an issue",
            (ISSUE, Parameter("to", label="To the status", required=True), Parameter("comment", label="Comment")),
            risk="low",
            reversible=True,
            rehearsable=True,
        ),
        "comment": Verb(
            "comment", "Comment on an issue", (ISSUE, Parameter("text", label="Comment", required=True)), risk="low", rehearsable=True
        ),
    }

    def headers(self) -> Mapping[str, str]:
        pair = f"{self.config.get('email', '')}:{self.secrets.get('api_token', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def said(self, body: Any) -> str:
        """{"errorMessages": […], "errors": {field: sentence}}."""
        if not isinstance(body, Mapping):
            return ""
        fields = [f"{name}: {words}" for name, words in (body.get("errors") or {}).items()]
        return "; ".join([*map(str, body.get("errorMessages") or ()), *fields]) or str(body.get("message") or "")

    def check(self) -> str:
        return f"signed in as {self.get(f'{API}/myself').get('displayName', 'somebody')}"

    # -- an issue ------------------------------------------------------------------------------------------------------------
    def _status(self, key: str) -> str:
        found: str = self.get(f"{API}/issue/{quote(key)}", fields="status")["fields"]["status"]["name"]
        return found

    def _way(self, key: str, to: str) -> Mapping[str, Any]:
        """The transition that leads to the status, or bears the name: their ids differ by workflow and status."""
        ways = self.get(f"{API}/issue/{quote(key)}/transitions").get("transitions") or []
        for name in (lambda way: way["to"]["name"], lambda way: way["name"]):
            for way in ways:
                if str(name(way)).casefold() == to.casefold():
                    return dict(way)
        known = ", ".join(sorted({str(way["to"]["name"]) for way in ways})) or "nothing"
        raise ActionError(f"{key} cannot go to {to} from where it is; it can go to {known}", permanent=True)

    def dry_run(self, ask: Ask) -> Preview:
        if ask.verb == "create_issue":
            fields = self._fields(ask)
            return Preview(f"Would open an issue in {fields['project']['key']}: {fields['summary']}")
        key = wanted(ask.params, "issue")
        status = self._status(key)
        if ask.verb == "comment":
            return Preview(f"Would comment on {key}", [Line(wanted(ask.params, "text"))])
        to = wanted(ask.params, "to")
        if status.casefold() == to.casefold():
            return Preview(f"{key} is {status} already", changes=False)
        self._way(key, to)
        return Preview(f"Would move {key} from {status} to {to}", diff=f"-status: {status}\n+status: {to}")

    def run(self, ask: Ask) -> Answer:
        done = self.resume(ask)
        if done is not None:
            return done
        return {"create_issue": self._create, "transition": self._move, "comment": self._comment}[ask.verb](ask)

    def _fields(self, ask: Ask) -> dict[str, Any]:
        project = str(ask.params.get("project") or self.config.get("project") or "")
        if not project:
            raise ActionError("no project is named, here or in the provider's settings", permanent=True)
        about = "\n\n".join(filter(None, (str(ask.params.get("description") or ""), ask.reason, ask.url)))
        fields: dict[str, Any] = {
            "project": {"key": project},
            "issuetype": {"name": str(ask.params.get("type") or self.config.get("issue_type") or "Task")},
            "summary": " ".join(wanted(ask.params, "summary").split())[:LONGEST_SUMMARY],
            "description": document(about),
            "labels": [*(str(one).replace(" ", "-") for one in ask.params.get("labels") or ()), _label(ask.key)],
        }
        if ask.params.get("priority"):
            fields["priority"] = {"name": str(ask.params["priority"])}
        return fields

    def _create(self, ask: Ask) -> Answer:
        issue = self.parsed(self.call("POST", f"{API}/issue", body={"fields": self._fields(ask)}))
        return self._answer(str(issue["key"]), "was opened")

    def _move(self, ask: Ask, to: str = "", comment: str = "") -> Answer:
        key, to = wanted(ask.params, "issue"), to or wanted(ask.params, "to")
        before, way = self._status(key), self._way(key, to)
        self.call("POST", f"{API}/issue/{quote(key)}/transitions", body={"transition": {"id": str(way["id"])}})
        if text := comment or str(ask.params.get("comment") or ""):
            self._say(key, text, ask.key)
        return self._answer(key, f"went from {before} to {way['to']['name']}", undo={"issue": key, "status": before})

    def _comment(self, ask: Ask) -> Answer:
        key = wanted(ask.params, "issue")
        self._say(key, wanted(ask.params, "text"), ask.key)
        return self._answer(key, "was commented on")

    def _say(self, key: str, text: str, mark: str) -> None:
        body = {"body": document(text), "properties": [{"key": PROPERTY, "value": {"key": mark}}]}
        self.call("POST", f"{API}/issue/{quote(key)}/comment", body=body)

    def _answer(self, key: str, what: str, undo: Mapping[str, Any] | None = None) -> Answer:
        facts = {"issue": key, "url": f"{self.config['url']}/browse/{key}"}
        return Answer(SUCCEEDED, f"{key} {what}", key, facts=facts, undo=undo or {})

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        return self._answer(handle, f"is {self._status(handle)}")

    def resume(self, ask: Ask) -> Answer | None:
        if ask.verb == "create_issue":
            found = self.get(f"{API}/search/jql", jql=f'labels = "{_label(ask.key)}"', fields="status", maxResults=1).get("issues") or []
            return self._answer(str(found[0]["key"]), "had been opened") if found else None
        key = wanted(ask.params, "issue")
        if ask.verb == "comment":
            return self._answer(key, "had been commented on") if self._commented(key, ask.key) else None
        status = self._status(key)
        return self._answer(key, f"is {status}") if status.casefold() == wanted(ask.params, "to").casefold() else None

    def _commented(self, key: str, mark: str) -> bool:
        comments = (
            self.get(f"{API}/issue/{quote(key)}/comment", orderBy="-created", expand="properties", maxResults=100).get("comments") or []
        )
        return any(
            one.get("key") == PROPERTY and one.get("value", {}).get("key") == mark
            for row in comments
            for one in row.get("properties") or ()
        )

    def rollback(self, ask: Ask, undo: Mapping[str, Any]) -> Answer:
        if not undo.get("issue"):
            raise ActionError("this cannot be taken back", permanent=True)
        back = Ask(ask.key, "transition", {"issue": undo["issue"]}, ask.target)
        if self._status(str(undo["issue"])).casefold() == str(undo["status"]).casefold():
            return self._answer(str(undo["issue"]), f"is {undo['status']} already")
        return self._move(back, str(undo["status"]), f"Taken back by AIOps: {ask.reason}" if ask.reason else "")


def _label(key: str) -> str:
    return f"aiops-{key}"


def document(text: str) -> dict[str, Any]:
    """Atlassian document format: a plain string is refused."""
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": part}]} for part in paragraphs],
    }
