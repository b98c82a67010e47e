"""What a text means that names a resource, an alert or an incident: an id, a number, a name, or what the page is about."""

import re
from typing import Any

from django.db.models import QuerySet

from genai.tools.base import Context, ToolError
from genai.tools.words import said
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource

NUMBER = re.compile(r"(?:(?P<kind>resource|alert|incident)\s*[:#]?\s*|INC-)?(?P<pk>\d{1,18})", re.IGNORECASE)
SUGGESTED = 8


def resource(text: str, context: Context) -> Resource:
    """Raises ToolError, with the names that come near where there are several."""
    asked = text.strip() or _of_page(context, "resource")
    found = _resource(asked)
    if found is not None:
        return found
    near = list(Resource.objects.filter(name__icontains=asked).order_by("name").values_list("name", flat=True)[: SUGGESTED + 1])
    if len(near) == 1:
        return Resource.objects.select_related("parent").filter(name=near[0]).order_by("state", "pk")[0]
    if near:
        more = ", …" if len(near) > SUGGESTED else ""
        raise ToolError(
            f"Several resources are called like {said(asked, 60)}: {', '.join(said(name, 80) for name in near[:SUGGESTED])}{more}."
        )
    raise ToolError(f"There is no resource called {said(asked, 60)}; list them with the tool resources.")


def _resource(asked: str) -> Resource | None:
    rows = Resource.objects.select_related("parent")
    by_name = rows.filter(name__iexact=asked).order_by("state", "pk").first()  # one that reports before one that is stale
    number = NUMBER.fullmatch(asked)
    if by_name is not None or number is None or (number["kind"] or "resource").lower() != "resource":
        return by_name
    return rows.filter(pk=int(number["pk"])).first()


def alert(text: str, context: Context) -> Alert:
    pk = _pk(text or _of_page(context, "alert"), "alert")
    return _one(Alert.objects.select_related("resource", "rule", "assignee"), pk, "alert")


def incident(text: str, context: Context) -> Incident:
    pk = _pk(text or _of_page(context, "incident"), "incident")
    return _one(Incident.objects.select_related("root_alert__resource", "commander"), pk, "incident")


def _pk(text: str, kind: str) -> int:
    number = NUMBER.fullmatch(text.strip())
    if number is None or (number["kind"] or kind).lower() != kind:
        raise ToolError(f"{said(text, 40)} is no {kind}; write its number, for example {'INC-7' if kind == 'incident' else '7'}.")
    return int(number["pk"])


def _one(rows: QuerySet[Any], pk: int, kind: str) -> Any:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise ToolError(f"There is no {kind} {pk}.")
    return found


def _of_page(context: Context, kind: str) -> str:
    """What the page shows, where it is of that kind."""
    name, _, pk = context.subject.partition(":")
    if name != kind or not pk.isdecimal():
        raise ToolError(f"Say which {kind}.")
    return f"{kind}:{pk}"
