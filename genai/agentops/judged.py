"""How good agents are: their evaluations by agent and by measure, the worst of them, and the quality of each prompt in use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Avg, Count, Min, Q, QuerySet

from genai import prompt_quality, prompting
from genai.agentops import figures
from genai.agentops.words import EVALUATIONS
from genai.models import Prompt, PromptVersion
from genai.prompt_quality import Quality
from genai.tracing.models import Evaluation

WORST = 20
BY_PEOPLE = "rating"


@dataclass(frozen=True)
class Judged:
    """An agent's mean over all that was said of it."""

    key: str
    name: str
    mean: float
    count: int
    rated: int  # of them by people
    disliked: int

    @property
    def below(self) -> bool:
        return self.mean < figures.TARGET


class Measure(NamedTuple):
    key: str
    name: str
    measure: str
    about: str
    mean: float
    lowest: float
    n: int

    @property
    def below(self) -> bool:
        return self.mean < figures.TARGET


def by_agent(rows: QuerySet[Evaluation], since: datetime) -> list[Judged]:
    found = rows.filter(time__gte=since).order_by().values_list("run__agent__key", "run__agent__name").annotate(
        mean=Avg("score"), n=Count("pk"), rated=Count("pk", filter=Q(name=BY_PEOPLE)),
        disliked=Count("pk", filter=Q(name=BY_PEOPLE, score__lt=0.5)),
    )  # fmt: skip
    return sorted((Judged(*row) for row in found), key=lambda one: -one.mean)


def by_measure(rows: QuerySet[Evaluation], start: datetime, end: datetime) -> list[Measure]:
    found = rows.filter(time__gte=start, time__lt=end).order_by().values_list("run__agent__key", "run__agent__name", "name")
    counted = found.annotate(mean=Avg("score"), lowest=Min("score"), n=Count("pk"))
    made = [Measure(key, name, of, EVALUATIONS.get(of, ""), mean, lowest, n) for key, name, of, mean, lowest, n in counted]
    return sorted(made, key=lambda one: (one.name, one.measure))


def worst(rows: QuerySet[Evaluation], start: datetime, end: datetime) -> Sequence[Evaluation]:
    """Those below the target, the lowest first."""
    low = rows.filter(time__gte=start, time__lt=end, score__lt=figures.TARGET).select_related("run__agent")
    return list(low.order_by("score", "-time")[:WORST])


class PromptRow(NamedTuple):
    prompt: Prompt
    in_use: list[PromptVersion]
    quality: Quality  # of those in use, together
    waiting: PromptVersion | None  # a newer one that ships and is not in use
    versions: int


def prompts() -> list[PromptRow]:
    """Each purpose with what is in use for it."""
    prompting.ensure_all()
    qualities = prompt_quality.of()
    rows = Prompt.objects.prefetch_related("versions")
    return [_row(prompt, list(prompt.versions.all()), qualities) for prompt in rows]


def _row(prompt: Prompt, versions: list[PromptVersion], qualities: dict[int, Any]) -> PromptRow:
    in_use = [one for one in versions if one.weight]
    newest = in_use[0].number if in_use else 0
    shipped = (one for one in versions if one.origin == PromptVersion.Origin.FILE and not one.weight and one.number > newest)
    quality = prompt_quality.together([qualities[one.pk] for one in in_use if one.pk in qualities])
    return PromptRow(prompt, in_use, quality, next(shipped, None), len(versions))
