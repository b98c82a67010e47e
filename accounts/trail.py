"""Finding audit entries: one reading of the filters for the page, the CSV file and the API."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

from accounts.models import AuditEntry, canonical

FACETS = {"actor": ("Actor", "actor"), "action": ("Action", "action"), "object": ("Object", "object_type")}
SEARCHED = ("actor", "action", "object_text", "object_type", "address", "request_id", "before", "after")
FACET_VALUES = 12
COLUMNS = ("id", "time", "actor", "action", "object_type", "object_id", "object_text", "before", "after", "address", "request_id", "hash")


@dataclass(frozen=True)
class Filters:
    chosen: dict[str, list[str]]  # facet -> values
    text: str
    object_id: str
    user_id: int | None
    since: datetime | None
    until: datetime | None

    def entries(self, but: str = "") -> QuerySet[AuditEntry]:
        """Newest first; `but` leaves one facet out, to count its values."""
        found = AuditEntry.objects.order_by("-id")
        for facet, values in self.chosen.items():
            if values and facet != but:
                found = found.filter(**{f"{FACETS[facet][1]}__in": values})
        if self.text:
            terms = Q()
            for column in SEARCHED:
                terms |= Q(**{f"{column}__icontains": self.text})
            found = found.filter(terms)
        if self.object_id:
            found = found.filter(object_id=self.object_id)
        if self.user_id is not None:
            found = found.filter(user_id=self.user_id)
        if self.since:
            found = found.filter(time__gte=self.since)
        return found.filter(time__lt=self.until) if self.until else found

    def facets(self) -> list[dict[str, Any]]:
        return [self._facet(name, label, column) for name, (label, column) in FACETS.items()]

    def _facet(self, name: str, label: str, column: str) -> dict[str, Any]:
        counts = self.entries(but=name).order_by().values_list(column).annotate(count=Count("id"))
        known = dict(counts.order_by("-count", column)[:200])
        ticked = self.chosen[name]
        known.update({value: known.get(value, 0) for value in ticked})
        values = [{"value": value, "label": value or "none", "count": count, "checked": value in ticked} for value, count in known.items()]
        values.sort(key=lambda value: not value["checked"])
        return {"name": name, "label": label, "values": values[:FACET_VALUES], "more": values[FACET_VALUES:]}

    @property
    def count(self) -> int:
        return sum(len(values) for values in self.chosen.values()) + bool(self.text) + bool(self.object_id)


def read(query: QueryDict, since: datetime | None = None, until: datetime | None = None) -> Filters:
    """Raises BadRequest with one sentence."""
    chosen = {name: [value for value in query.getlist(name) if len(value) <= 300] for name in FACETS}
    user = query.get("user", "")
    if user and not (user.isdecimal() and len(user) < 19):
        raise BadRequest("user is the number of a person.")
    text = query.get("q", "").strip().replace("\x00", "")[:200]
    return Filters(chosen, text, query.get("id", "")[:100], int(user) if user else None, since, until)


def rows(entries: Iterable[AuditEntry]) -> Iterator[list[str]]:
    """For CSV: a head, then one row an entry, no cell of which a spreadsheet takes for a formula."""
    yield list(COLUMNS)
    for entry in entries:
        yield [_cell(entry, column) for column in COLUMNS]


def _cell(entry: AuditEntry, column: str) -> str:
    value = getattr(entry, column)
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else canonical(value) if column in ("before", "after") else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@dataclass(frozen=True)
class Change:
    field: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


def differences(before: Any, after: Any) -> list[Change]:
    """Before and after side by side, one line for each field, nested ones by their path."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return [Change(field, old.get(field, "–"), new.get(field, "–")) for field in {**old, **new}]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, _words(value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_words(inner) for inner in value) or "–"
    return "–" if value is None or value == "" else str(value)
