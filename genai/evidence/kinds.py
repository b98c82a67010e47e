"""What each kind of evidence refers to: how it is looked up again, where it is opened, how it is drawn.

What is looked up holds only what does not change by itself: an alert ends, an incident gets another title, and what was said of them
still holds. Rooms to the right are asked through their models' names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.urls import NoReverseMatch, reverse

from genai.evidence.figures import figures
from monitoring.inventory.models import Dependency, Resource

Json = dict[str, Any]
Reference = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    icon: str
    look: Callable[[Reference], Json | None]  # what is there now; None: it is gone
    url: Callable[[Reference], str]  # where it is opened; "" where there is no such page


def kind(name: str) -> Kind:
    """KeyError for one that does not exist."""
    return KINDS[name]


def address(name: str, *args: Any) -> str:
    """A page that another room may not have mounted: "" then."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _row(model: str, **fields: str) -> Callable[[Reference], Json | None]:
    """Looks a row up by its id; `fields`: {name in what was found: column}."""

    def look(reference: Reference) -> Json | None:
        app, name = model.split(".")
        rows = apps.get_model(app, name)._default_manager.filter(pk=reference["id"])
        row = rows.values(*fields.values()).first()
        return None if row is None else {said: plain(row[column]) for said, column in fields.items()}

    return look


def plain(value: Any) -> Any:
    """As JSON holds it."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _page(name: str, more: str = "") -> Callable[[Reference], str]:
    def url(reference: Reference) -> str:
        found = address(name, reference["id"])
        return found + more if found else ""

    return url


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# -- those that are not a row with an id --------------------------------------------------------------------------------
def _explorer(reference: Reference) -> str:
    found = address("explorer")
    return f"{found}?{urlencode({'q': reference['query'], 'from': reference['start'], 'to': reference['end']})}" if found else ""


def _change_url(reference: Reference) -> str:
    model = apps.get_model("monitoring", "ResourceChange")
    resource = model._default_manager.filter(pk=reference["id"]).values_list("resource_id", flat=True).first()
    return f"{address('resource', resource)}?tab=changes" if resource else ""


def _forecast_url(reference: Reference) -> str:
    """The page is the track's."""
    track = apps.get_model("forecasting", "Forecast")._default_manager.filter(pk=reference["id"]).values_list("track", flat=True).first()
    return address("forecast", track) if track else ""


def _runbook(reference: Reference) -> Json | None:
    rows = apps.get_model("remediation", "RunbookVersion")._default_manager
    found = rows.filter(runbook__key=reference["key"], number=reference["version"]).values("runbook__name", "spec").first()
    return None if found is None else {"name": found["runbook__name"], "text": digest_of(repr(sorted(found["spec"].items())))}


def _runbook_url(reference: Reference) -> str:
    found = apps.get_model("remediation", "Runbook")._default_manager.filter(key=reference["key"]).values_list("pk", flat=True).first()
    return address("runbook", found) if found else ""


def _dependency(reference: Reference) -> Json | None:
    """One needs the other, or runs on it."""
    one, other = reference["from"], reference["to"]
    if Dependency.objects.filter(from_resource=one, to_resource=other).exists():
        return {"relation": "needs"}
    return {"relation": "runs on"} if Resource.objects.filter(pk=one, parent=other).exists() else None


def _chunk(reference: Reference) -> Json | None:
    rows = apps.get_model("genai", "Chunk")._default_manager.filter(document=reference["id"], number=reference["chunk"])
    found = rows.values("document__title", "text").first()
    return None if found is None else {"document": found["document__title"], "text": digest_of(found["text"])}


def _document_url(reference: Reference) -> str:
    found = address("document", reference["id"])
    return f"{found}?piece={reference['chunk']}#chunk-{reference['chunk']}" if found else ""


KINDS: dict[str, Kind] = {
    "series": Kind("explorer", figures, _explorer),
    "alert": Kind("alerts", _row("monitoring.Alert", name="name", began="started_at", on="resource__name"), _page("alert")),
    "incident": Kind("incidents", _row("monitoring.Incident", opened="opened_at"), _page("incident")),
    "change": Kind("deploy", _row("monitoring.ResourceChange", text="text", time="time", on="resource_name", kind="kind"), _change_url),
    "forecast": Kind("forecasts", _row("forecasting.Forecast", made="made_at", limit="limit", eta="eta"), _forecast_url),
    "anomaly": Kind("anomalies", _row("forecasting.Anomaly", began="started_at", track="track_id"), _page("anomaly")),
    "execution": Kind("remediation", _row("remediation.Execution", title="title", filed="created_at"), _page("execution")),
    "runbook": Kind("note", _runbook, _runbook_url),
    "resource": Kind("resources", _row("monitoring.Resource", kind="kind", name="name"), _page("resource")),
    "topology": Kind("topology", _dependency, lambda reference: address("resource", reference["to"])),
    "document": Kind("note", _chunk, _document_url),
    "audit": Kind("lock", _row("accounts.AuditEntry", hash="hash"), _page("audit-entry")),
}
