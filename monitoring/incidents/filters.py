"""Which incidents an address asks for: the page and the API read the same names. Raises Unclear with one sentence."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from monitoring.alerts.models import Severity
from monitoring.incidents.models import Incident

Status = Incident.Status
CHOICES: Mapping[str, list[str]] = {"status": Status.values, "severity": Severity.values}
ORDERS = (
    "-detected_at", "detected_at", "-resolved_at", "resolved_at", "title", "-title", "-alert_count", "alert_count", "-id", "id",
)  # fmt: skip
SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}


class Unclear(ValueError):
    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


def filtered(rows: QuerySet[Incident], given: QueryDict, but: str = "") -> QuerySet[Incident]:
    """All of the filters apply, except the one named `but`; several values of one are alternatives."""
    for name, known in CHOICES.items():
        wanted = given.getlist(name)
        if unknown := sorted(set(wanted) - set(known)):
            raise Unclear(name, f"{unknown[0][:40]} is not known; there are {', '.join(known)}.")
        if wanted and name != but:
            rows = rows.filter(**{f"{name}__in": wanted})
    if (people := given.getlist("commander")) and but != "commander":
        rows = rows.filter(_commander(people))
    if (names := given.getlist("service")) and but != "service":
        rows = rows.filter(_services(names))
    if manual := given.get("manual", ""):
        rows = rows.filter(manual=_flag("manual", manual))
    if going_on := given.get("open", ""):
        over = Q(status=Status.RESOLVED)
        rows = rows.filter(~over if _flag("open", going_on) else over)
    for name in ("alert", "resource"):
        if text := given.get(name, ""):
            field = "members__alert" if name == "alert" else "members__alert__resource"
            rows = rows.filter(pk__in=Incident.objects.filter(**{field: _id(name, text)}).values("pk"))
    return _searched(_since(rows, given), given)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise Unclear(name, "Write true or false.")
    return text == "true"


def _id(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise Unclear(name, "Write an id.")
    return int(text)


def _commander(people: list[str]) -> Q:
    found = Q(pk__in=[])
    for text in people:
        found |= Q(commander=None) if text == "none" else Q(commander_id=_id("commander", text))
    return found


def _services(names: list[str]) -> Q:
    """The column holds a list of names: looked for as it is written there."""
    found = Q(pk__in=[])
    for name in names:
        if "\0" in name:
            raise Unclear("service", "A NUL character cannot be searched for.")
        found |= Q(services__icontains=json.dumps(name, ensure_ascii=connection.vendor == "sqlite"))
    return found


def _since(rows: QuerySet[Incident], given: QueryDict) -> QuerySet[Incident]:
    span = given.get("since", "")
    if not span:
        return rows
    if span not in SPANS:
        raise Unclear("since", f"Choose one of {', '.join(SPANS)}.")
    since = timezone.now() - SPANS[span]
    return rows.filter(Q(resolved_at=None) | Q(resolved_at__gte=since))


def _searched(rows: QuerySet[Incident], given: QueryDict) -> QuerySet[Incident]:
    text = (given.get("search") or given.get("q") or "").strip()
    if "\0" in text:
        raise Unclear("search", "A NUL character cannot be searched for.")
    for word in text.split()[:20]:
        rows = rows.filter(_word(word[:200]))
    return rows


def _word(word: str) -> Q:
    number: Any = word.upper().removeprefix("INC-")
    found = Q(title__icontains=word) | Q(services__icontains=word) | Q(notes_md__icontains=word)
    return found | Q(pk=int(number)) if number.isdecimal() and number.isascii() and len(number) < 19 else found
