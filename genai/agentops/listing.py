"""The list of executions: which, in which order, by pages. All of its state is in the address."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet
from django.http import QueryDict

from aiops.facets import Asked, without
from aiops.timerange import TimeRange
from genai.agentops import figures, seeing
from genai.agentops.words import RUNS
from genai.tracing.models import Agent, AgentRun

PER_PAGE = 25
VIEWS = {"all": "All", "failed": "Failed", "findings": "Findings"}
SORTS = {
    "task": "title",
    "steps": "steps_count",
    "tokens": "total",
    "cost": "cost",
    "latency": "latency_ms",
    "score": "score",
    "age": "started_at",
}
_SHOWN = {"all": Q(), "failed": Q(state__in=figures.BAD), "findings": Q(findings_count__gt=0)}


class Unclear(ValueError):
    """A filter that cannot be read: `name` of the parameter, one sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


def filtered(rows: QuerySet[AgentRun], given: QueryDict) -> QuerySet[AgentRun]:
    """All of the filters apply; several values of one are alternatives. Raises Unclear."""
    for name, value in given.items():
        if "\0" in str(value):
            raise Unclear(name[:40].replace("\0", ""), "A NUL character cannot be searched for.")
    if agents := [one for one in given.getlist("agent") if one]:
        rows = rows.filter(agent__key__in=agents)
    if states := [one for one in given.getlist("state") if one]:
        if unknown := sorted(set(states) - set(RUNS)):
            raise Unclear("state", f"{unknown[0][:40]} is not known; there are {', '.join(RUNS)}.")
        rows = rows.filter(state__in=states)
    if subject := given.get("subject", ""):
        rows = rows.filter(subject=subject)
    for word in (given.get("search") or given.get("q") or "").split()[:20]:
        rows = rows.filter(Q(title__icontains=word) | Q(reason__icontains=word) | Q(subject__icontains=word))
    return rows


@dataclass
class Listing(Asked):
    view_names = VIEWS
    sort_names = SORTS
    usual_sort = "-age"
    actor: Any
    span: TimeRange

    @cached_property
    def _rows(self) -> QuerySet[AgentRun]:
        try:
            rows = filtered(seeing.runs(self.actor), self.query)
        except Unclear as fault:
            raise BadRequest(f"{fault.name}: {fault}") from fault
        return figures.within(rows, self.span.start, self.span.end)

    @cached_property
    def counts(self) -> dict[str, int]:
        return self._rows.aggregate(**{name: Count("pk", filter=wanted) if wanted else Count("pk") for name, wanted in _SHOWN.items()})

    @property
    def views(self) -> list[tuple[str, str, int]]:
        return [(name, label, self.counts[name]) for name, label in VIEWS.items()]

    def page(self) -> Page[Any]:
        column, descending = self.sort
        field = F(SORTS[column])
        order = field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)
        rows = self._rows.filter(_SHOWN[self.view]).annotate(total=F("tokens_in") + F("tokens_out")).select_related("agent")
        return Paginator(rows.order_by(order, "-id"), PER_PAGE).get_page(self.query.get("page"))

    def chips(self) -> list[dict[str, str]]:
        """The filters that are set, each with the address without it."""
        names = dict(Agent.objects.filter(key__in=self.query.getlist("agent")).values_list("key", "name"))
        said = [("agent", "Agent", one, names.get(one, one)) for one in self.query.getlist("agent") if one]
        said += [("state", "State", one, RUNS[one].label) for one in self.query.getlist("state") if one in RUNS]
        said += [("subject", "About", one, one.replace(":", " ")) for one in [self.query.get("subject", "")] if one]
        return [{"title": title, "value": label, "url": without(self.query, name, one)} for name, title, one, label in said]
