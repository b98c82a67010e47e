"""Who sees which execution: the platform's own and one's own everybody, other people's only those who run the assistant."""

from typing import Any

from django.db.models import Q, QuerySet

from accounts.permissions import can
from genai.tracing.models import AgentRun, Evaluation, SecurityFinding

ALL = "genai:configure"


def runs(actor: Any) -> QuerySet[AgentRun]:
    return AgentRun.objects.filter(_seen(actor, ""))


def findings(actor: Any) -> QuerySet[SecurityFinding]:
    """One without an execution was found in telemetry, which everybody may read."""
    seen = _seen(actor, "run__")
    return SecurityFinding.objects.filter(seen | Q(run=None) if seen else seen)


def evaluations(actor: Any) -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(_seen(actor, "run__"))


def _seen(actor: Any, way: str) -> Q:
    if can(actor, ALL):
        return Q()
    return Q(**{f"{way}user": None}) | Q(**{f"{way}user": _person_of(actor)})


def _person_of(actor: Any) -> int:
    """A person's, or of a token's bearer whose it is."""
    token = getattr(actor, "token", None)
    found: int = token.user_id if token is not None else actor.pk
    return found
