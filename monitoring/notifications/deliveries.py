"""The list of deliveries: a time, search, facets with counts, pages. All of its state is in the address."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property

from aiops.facets import Facet, Value
from monitoring.alerts.models import RANKS
from monitoring.notifications.models import Channel, Delivery
from monitoring.notifications.notice import KINDS

PER_PAGE, LONGEST_SEARCH = 50, 200
SINCE = {"1d": "Last day", "7d": "Last 7 days", "30d": "Last 30 days", "all": "All that is kept"}
SIGNS = {  # status: icon, tone, word
    "sent": ("ok", "h-ok", "Sent"),
    "pending": ("clock", "h-unknown", "Waiting"),
    "failed": ("degraded", "c-medium", "Will be tried again"),
    "dead": ("down", "c-critical", "Given up"),
    "skipped": ("same", "h-unknown", "Not needed"),
}
FIELDS = {"status": "status", "kind": "message__kind", "channel": "channel", "severity": "message__severity"}
Counts = dict[Any, int]


class Listing:
    def __init__(self, given: QueryDict, now: datetime | None = None) -> None:
        self.given = given
        self.text = given.get("q", "").strip()
        self.since = given.get("since", "7d")
        if self.since not in SINCE:
            raise BadRequest(f"since is one of {', '.join(SINCE)}.")
        if len(self.text) > LONGEST_SEARCH or "\0" in self.text:
            raise BadRequest(f"A search has at most {LONGEST_SEARCH} characters, and no NUL among them.")
        self.picked = {name: _picked(name, given.getlist(name)) for name in FIELDS}
        self.now = now or timezone.now()

    @property
    def anything_set(self) -> bool:
        return bool(self.text) or any(self.picked.values())

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.picked.values()))

    @cached_property
    def base(self) -> QuerySet[Delivery]:
        """Of the time and the search; facets come on top."""
        rows = Delivery.objects.all()
        if self.since != "all":
            rows = rows.filter(created_at__gte=self.now - timedelta(days=int(self.since[:-1])))
        for word in self.text.split()[:10]:
            said = Q(message__title__icontains=word) | Q(recipient__icontains=word) | Q(channel_name__icontains=word)
            rows = rows.filter(said | Q(last_answer__icontains=word) | Q(why__icontains=word))
        return rows

    def _filtered(self, but: str = "") -> QuerySet[Delivery]:
        wanted = {f"{FIELDS[name]}__in": values for name, values in self.picked.items() if values and name != but}
        return self.base.filter(**wanted)

    def page(self) -> Page[Delivery]:
        rows = self._filtered().select_related("message", "channel").order_by("-created_at", "-pk")
        return Paginator(rows, PER_PAGE).get_page(self.given.get("page"))

    def facets(self) -> list[Facet]:
        """Each counts what the others leave."""
        channels = dict(Channel.objects.values_list("pk", "name"))
        return [
            Facet("status", "State", self._values("status", {name: sign[2] for name, sign in SIGNS.items()})),
            Facet("channel", "Channel", self._values("channel", channels)),
            Facet("kind", "What", self._values("kind", {kind: kind.capitalize() for kind in KINDS})),
            Facet("severity", "Severity", self._values("severity", {name: name.capitalize() for name in RANKS})),
        ]

    def _values(self, name: str, labels: Mapping[Any, str]) -> list[Value]:
        rows = self._filtered(name).order_by().values_list(FIELDS[name]).annotate(Count("pk"))
        counts: Counts = dict(rows)
        shown = [value for value in labels if counts.get(value) or str(value) in map(str, self.picked[name])]
        return [self._value(name, value, labels[value], counts.get(value, 0)) for value in shown]

    def _value(self, name: str, value: Any, label: str, count: int) -> Value:
        icon, tone = "", ""
        if name == "status":
            icon, tone = SIGNS[value][:2]
        elif name == "severity":
            icon, tone = value, f"c-{value}"
        return Value(str(value), label, count, value in self.picked[name], icon, tone)


def _picked(name: str, given: list[str]) -> list[Any]:
    """BadRequest for what cannot be."""
    if name == "channel":
        if not all(one.isdecimal() and len(one) <= 18 for one in given):
            raise BadRequest("channel is the number of a channel.")
        return [int(one) for one in given]
    known = {"status": SIGNS, "kind": KINDS, "severity": RANKS}[name]
    if wrong := next((one for one in given if one not in known), None):
        raise BadRequest(f"{name} is one of {', '.join(known)}, not {wrong[:20]!r}.")
    return list(given)
