"""How good the answers to each version of a prompt were: what people said, what was proved, what did not fit, time and cost."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet
from django.utils import timezone

from genai.agentops.figures import percentile
from genai.models import Completion

LOOKED_BACK = timedelta(days=30)
ENOUGH = 30  # calls; a difference between two versions with fewer says nothing
NEWEST = 5_000  # calls whose latency is looked at
_Outcome = Completion.Outcome
MADE = Q(outcome__in=(_Outcome.OK, _Outcome.INVALID, _Outcome.CUT, _Outcome.STOPPED, _Outcome.FAILED))  # a model was asked


@dataclass(frozen=True)
class Quality:
    """Of one version. Shares are 0 to 1, None where there is nothing to take one of."""

    calls: int = 0
    cached: int = 0
    failed: int = 0
    invalid: int = 0
    repaired: int = 0
    liked: int = 0
    disliked: int = 0
    evidence: float | None = None
    evidence_n: int = 0
    latency_median: float | None = None  # ms
    latency_p95: float | None = None
    cost: Decimal | None = None  # US dollars a call, mean
    tokens: float | None = None  # a call, mean

    @property
    def rated(self) -> int:
        return self.liked + self.disliked

    @property
    def rating(self) -> float | None:
        return self.liked / self.rated if self.rated else None

    @property
    def schema_failures(self) -> float | None:
        """Of the calls, those that did not fit even when asked again."""
        return self.invalid / self.calls if self.calls else None

    @property
    def enough(self) -> bool:
        return self.calls >= ENOUGH


def of(versions: Collection[int] | None = None, back: timedelta = LOOKED_BACK) -> dict[int, Quality]:
    """By the version's id; None: of all. Two statements."""
    rows = Completion.objects.filter(started_at__gte=timezone.now() - back, prompt_version__isnull=False)
    rows = rows.filter(prompt_version__in=list(versions)) if versions is not None else rows
    spent = _latencies(rows)
    return {row["prompt_version_id"]: _quality(row, spent.get(row["prompt_version_id"], [])) for row in _counted(rows)}


def _counted(rows: QuerySet[Completion]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by().values("prompt_version_id").annotate(
        calls=Count("pk", filter=MADE), cached=Count("pk", filter=Q(outcome=_Outcome.CACHED)),
        failed=Count("pk", filter=Q(outcome__in=(_Outcome.FAILED, _Outcome.CUT))), invalid=Count("pk", filter=Q(outcome=_Outcome.INVALID)),
        fixed=Count("pk", filter=Q(repaired=True)), liked=Count("pk", filter=Q(rating__gt=0)), disliked=Count("pk", filter=Q(rating__lt=0)),
        proved=Avg("evidence_share"), proved_n=Count("evidence_share"), dollars=Avg("cost", filter=MADE),
        read=Avg("tokens_in", filter=MADE), written=Avg("tokens_out", filter=MADE),
    )  # fmt: skip


def _latencies(rows: QuerySet[Completion]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for version, spent in rows.filter(MADE).order_by("-id").values_list("prompt_version_id", "latency_ms")[:NEWEST]:
        found[version or 0].append(spent)
    return found


def _quality(row: Mapping[str, Any], spent: Sequence[int]) -> Quality:
    tokens = None if row["read"] is None else row["read"] + row["written"]
    return Quality(
        calls=row["calls"], cached=row["cached"], failed=row["failed"], invalid=row["invalid"], repaired=row["fixed"], liked=row["liked"],
        disliked=row["disliked"], evidence=row["proved"], evidence_n=row["proved_n"], latency_median=percentile(spent, 0.5),
        latency_p95=percentile(spent, 0.95), cost=row["dollars"], tokens=tokens,
    )  # fmt: skip


def together(parts: Sequence[Quality]) -> Quality:
    """Of several versions as one; latencies are the worst of them."""
    if len(parts) == 1:
        return parts[0]
    calls, proved = sum(one.calls for one in parts), sum(one.evidence_n for one in parts)
    sums = {name: sum(getattr(one, name) for one in parts) for name in ("cached", "failed", "invalid", "repaired", "liked", "disliked")}
    return Quality(
        calls=calls, **sums, evidence_n=proved,
        evidence=sum((one.evidence or 0) * one.evidence_n for one in parts) / proved if proved else None,
        latency_median=max((one.latency_median for one in parts if one.latency_median is not None), default=None),
        latency_p95=max((one.latency_p95 for one in parts if one.latency_p95 is not None), default=None),
        cost=sum(((one.cost or Decimal(0)) * one.calls for one in parts), Decimal(0)) / calls if calls else None,
        tokens=sum((one.tokens or 0) * one.calls for one in parts) / calls if calls else None,
    )  # fmt: skip
