"""ServiceNow, Table API: opens, updates and closes incidents and change requests. What we open carries our key as correlation id, which is
looked for before anything is opened."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from remediation.providers.base import SUCCEEDED, ActionError, Answer, Ask, Line, Parameter, Preview, Verb
from remediation.providers.rest import Rest, RestForm, wanted

INCIDENT, CHANGE = "incident", "change_request"
TABLES = {"INC": INCIDENT, "CHG": CHANGE}
RESOLVED = {INCIDENT: "6", CHANGE: "3"}
OVER = {INCIDENT: {"6", "7", "8"}, CHANGE: {"3", "4"}}
FIELDS = "sys_id,number,state,correlation_id,short_description"
LEVELS = ("1", "2", "3")
NUMBER = Parameter("number", label="Number", about="INC0010023 or CHG0030001", required=True)
COMMON = (
    Parameter("short_description", label="Short description", required=True),
    Parameter("description", label="Description"),
    Parameter("assignment_group", label="Assignment group"),
)


class ServiceNowForm(RestForm):
    user = forms.CharField(label="User", max_length=200, required=False)
    password = forms.CharField(label="Password", max_length=400, required=False)
    bearer_token = forms.CharField(label="OAuth token", max_length=4000, required=False, help_text="Instead of user and password.")
    close_code = forms.CharField(label="Close code", max_length=100, initial="Solution provided", required=False)
    field_order = ("url", "user", "password", "bearer_token", "close_code", "verify_tls")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.has("bearer_token") and not (given.get("user") and self.has("password")):
            raise forms.ValidationError("Give a user and a password, or an OAuth token.")
        return given


class ServiceNow(Rest):
    label = "ServiceNow"
    icon = "incidents"
    about = "Opens, updates and closes incidents and change requests."
    Config = ServiceNowForm
    secret_fields = ("password", "bearer_token")
    verbs: ClassVar[Mapping[str, Verb]] = {
        "create_incident": Verb(
            "create_incident",
            "Open an incident",
            (
                *COMMON,
                Parameter("urgency", "choice", "Urgency", choices=LEVELS, default="2"),
                Parameter("impact", "choice", "Impact", choices=LEVELS, default="2"),
                Parameter("category", label="Category"),
            ),
            risk="low",
            reversible=True,
            rehearsable=True,
        ),
        "create_change": Verb(
            "create_change",
            "Open a change request",
            (*COMMON, Parameter("type", "choice", "Type", choices=("normal", "standard", "emergency"), default="normal")),
            risk="low",
            reversible=True,
            rehearsable=True,
        ),
        "update": Verb(
            "update",
            "Update a ticket",
            (NUMBER, Parameter("fields", "object", "Fields"), Parameter("work_notes", label="Work note")),
            risk="low",
            rehearsable=True,
        ),
        "close": Verb(
            "close",
            "Resolve a ticket",
            (NUMBER, Parameter("close_notes", label="Close notes", required=True), Parameter("close_code", label="Close code")),
            risk="low",
            rehearsable=True,
        ),
    }

    def headers(self) -> Mapping[str, str]:
        if self.secrets.get("bearer_token"):
            return {"Authorization": f"Bearer {self.secrets['bearer_token']}"}
        pair = f"{self.config.get('user', '')}:{self.secrets.get('password', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def said(self, body: Any) -> str:
        """{"error": {"message", "detail"}, "status": "failure"}."""
        error = body.get("error") if isinstance(body, Mapping) else None
        if isinstance(error, Mapping):
            return ": ".join(str(error[name]) for name in ("message", "detail") if error.get(name))
        return str(error or "")

    def check(self) -> str:
        self._find(INCIDENT, "sys_id=none")
        return f"{self.config['url']} lets us read incidents"

    # -- tickets -------------------------------------------------------------------------------------------------------------
    def _find(self, table: str, query: str) -> Mapping[str, Any] | None:
        rows = self.get(f"/api/now/table/{table}", sysparm_query=query, sysparm_limit=1, sysparm_fields=FIELDS).get("result") or []
        return rows[0] if rows else None

    def _ticket(self, ask: Ask) -> tuple[str, Mapping[str, Any]]:
        number = wanted(ask.params, "number").upper()
        table = TABLES.get(number[:3])
        if table is None or not number[3:].isdigit():
            raise ActionError(f"{number} is no number of an incident or a change request", permanent=True)
        found = self._find(table, f"number={number}")
        if found is None:
            raise ActionError(f"there is no {number}, or we may not see it", permanent=True)
        return table, found

    def dry_run(self, ask: Ask) -> Preview:
        if ask.verb in ("create_incident", "create_change"):
            body = _opening(ask)
            return Preview(
                f"Would open {_a(_table(ask))}: {body['short_description']}",
                [Line(f"{name}: {value}") for name, value in body.items() if name != "short_description"],
            )
        table, ticket = self._ticket(ask)
        if ask.verb == "close":
            over = ticket["state"] in OVER[table]
            return Preview(f"{ticket['number']} is over already" if over else f"Would resolve {ticket['number']}", changes=not over)
        body = _update(ask)
        return Preview(f"Would update {ticket['number']}", [Line(f"{name}: {value}") for name, value in body.items()])

    def run(self, ask: Ask) -> Answer:
        if ask.verb in ("create_incident", "create_change"):
            return self.resume(ask) or self._open(ask)
        table, ticket = self._ticket(ask)
        if ask.verb == "close" and ticket["state"] in OVER[table]:
            return _answer(self, table, ticket, "was over already")
        self._patch(table, str(ticket["sys_id"]), self._closing(ask, table) if ask.verb == "close" else _update(ask))
        return _answer(self, table, ticket, "was resolved" if ask.verb == "close" else "was updated")

    def _open(self, ask: Ask) -> Answer:
        table = _table(ask)
        ticket = self.parsed(self.call("POST", f"/api/now/table/{table}", body=_opening(ask))).get("result") or {}
        if not ticket.get("number"):
            raise ActionError("ServiceNow answered without a number", unclear=True)
        return _answer(self, table, ticket, "was opened")

    def _patch(self, table: str, sys_id: str, body: Mapping[str, Any]) -> None:
        self.call("PATCH", f"/api/now/table/{table}/{sys_id}", body=body)

    def _closing(self, ask: Ask, table: str) -> dict[str, str]:
        code = str(ask.params.get("close_code") or self.config.get("close_code") or "Solution provided")
        return {"state": RESOLVED[table], "close_code": code, "close_notes": str(ask.params.get("close_notes") or ask.reason)}

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        table, _, number = handle.partition("/")
        return Answer(SUCCEEDED, f"{number} stands in {table}", handle)

    def resume(self, ask: Ask) -> Answer | None:
        if ask.verb in ("create_incident", "create_change"):
            found = self._find(_table(ask), f"correlation_id={ask.key}")
            return None if found is None else _answer(self, _table(ask), found, "had been opened")
        table, ticket = self._ticket(ask)
        if ask.verb == "close":
            return _answer(self, table, ticket, "had been resolved") if ticket["state"] in OVER[table] else None
        return _answer(self, table, ticket, "had been updated") if self._noted(str(ticket["sys_id"]), ask.key) else None

    def _noted(self, sys_id: str, key: str) -> bool:
        """Whether a work note with our mark is there."""
        query = f"element_id={sys_id}^valueLIKE{_mark(key)}"
        return bool(self.get("/api/now/table/sys_journal_field", sysparm_query=query, sysparm_limit=1).get("result"))

    def rollback(self, ask: Ask, undo: Mapping[str, Any]) -> Answer:
        """A ticket cannot be unmade: it is resolved with a note that says why."""
        table = str(undo["table"])
        code = str(self.config.get("close_code") or "Solution provided")
        note = f"Taken back by AIOps: {ask.reason or 'what it was opened for was rolled back'}"
        self._patch(table, str(undo["sys_id"]), {"state": RESOLVED[table], "close_code": code, "close_notes": note})
        return Answer(SUCCEEDED, f"{undo['number']} was resolved with a note", f"{table}/{undo['number']}")


def _table(ask: Ask) -> str:
    return CHANGE if ask.verb == "create_change" else INCIDENT


def _a(table: str) -> str:
    return "an incident" if table == INCIDENT else "a change request"


def _mark(key: str) -> str:
    return f"[aiops {key}]"


def _opening(ask: Ask) -> dict[str, str]:
    named = {name: str(value) for name, value in ask.params.items() if name in _names(ask.verb) and value not in (None, "")}
    about = "\n\n".join(filter(None, (named.get("description", ""), ask.reason, ask.url)))
    return {**named, "short_description": wanted(ask.params, "short_description")[:160], "description": about, "correlation_id": ask.key,
            "correlation_display": "AIOps"}  # fmt: skip


def _names(verb: str) -> set[str]:
    return {one.name for one in ServiceNow.verbs[verb].parameters}


def _update(ask: Ask) -> dict[str, Any]:
    fields = ask.params.get("fields") or {}
    if not isinstance(fields, Mapping):
        raise ActionError("fields has to be an object", permanent=True)
    if not fields and not ask.params.get("work_notes"):
        raise ActionError("there is nothing to update: give fields or a work note", permanent=True)
    note = "\n".join(filter(None, (str(ask.params.get("work_notes") or ""), _mark(ask.key))))
    return {**fields, "work_notes": note}


def _answer(provider: ServiceNow, table: str, ticket: Mapping[str, Any], what: str) -> Answer:
    number, sys_id = str(ticket["number"]), str(ticket["sys_id"])
    url = f"{provider.config['url']}/nav_to.do?uri={table}.do?sys_id={sys_id}"
    named = {"table": table, "number": number, "sys_id": sys_id}
    return Answer(SUCCEEDED, f"{number} {what}", f"{table}/{number}", facts={**named, "url": url}, undo=named)
