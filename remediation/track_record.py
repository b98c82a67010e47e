"""How it went before: runs that were seen to help, that nobody could judge, and that failed. What was rehearsed does not count."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from aiops.prepared import Prepared
from remediation.models import AutomationRule, Execution, Runbook

KEPT = timedelta(days=180)  # what is older says little about what is there now
NEWEST = 200  # runs that a proposal looks at
HERE, CAUSE, EVERYWHERE = "here", "for this alert", "everywhere"
_Held = Execution.Verification.HELD
_Open = Execution.Verification.NOT_VERIFIABLE
OUTCOMES = {  # what a run counts as
    "verified": Q(verification=_Held, escalated_at=None),
    "unverified": Q(verification=_Open, escalated_at=None),
    "failed": Q(escalated_at__isnull=False),
}


def _newest(rows: QuerySet[Execution], since: datetime) -> QuerySet[Any]:
    found = rows.filter(dry_run=False, created_at__gte=since).order_by("-created_at")
    return found.values_list("target_key", "cause", "verification", "escalated_at")[:NEWEST]


_of_runbook = Prepared(lambda one, since: _newest(Execution.objects.filter(runbook_id=one), since), one=int, since=datetime)
_of_rule = Prepared(lambda one, since: _newest(Execution.objects.filter(rule_id=one, runbook=None), since), one=int, since=datetime)


class Record(NamedTuple):
    verified: int = 0
    unverified: int = 0
    failed: int = 0
    of: str = ""  # here, for this alert, everywhere

    @property
    def runs(self) -> int:
        return self.verified + self.unverified + self.failed

    @property
    def rate(self) -> float | None:
        """Verified of those that could be judged, 0–1; None where none could."""
        judged = self.verified + self.failed
        return self.verified / judged if judged else None

    @property
    def words(self) -> str:
        if not self.runs:
            return "never ran"
        more = f", {self.failed} failed" if self.failed else ""
        return f"{self.verified} of {self.runs} verified{more}"


def of(runbook: Runbook | None, target: str = "", cause: str = "", rule: AutomationRule | None = None) -> Record:
    """Of the runs on the target (its key); where there were none, of those for the same alert; else of all. Without a runbook, of the
    rule's own action. One statement; of very many runs the newest count."""
    if runbook is None and rule is None:
        return Record()
    since = timezone.now() - KEPT
    runs = _of_runbook(one=runbook.pk, since=since) if runbook else _of_rule(one=rule.pk, since=since)  # type: ignore[union-attr]
    found = [(key, of_cause, outcome) for key, of_cause, held, told in runs if (outcome := _outcome(held, told is not None))]
    scopes = {HERE: [one[2] for one in found if one[0] == target], CAUSE: [one[2] for one in found if one[1] == cause]}
    scope, outcomes = next(((name, some) for name, some in scopes.items() if some), (EVERYWHERE, [one[2] for one in found]))
    verified, unverified, failed = (outcomes.count(name) for name in OUTCOMES)
    return Record(verified, unverified, failed, scope) if outcomes else Record()


def _outcome(verification: str, failed: bool) -> str:
    """As OUTCOMES says it; empty while it is not over."""
    if failed:
        return "failed"
    return "verified" if verification == _Held else "unverified" if verification == _Open else ""


def of_runbooks(runbooks: Collection[int] | None = None) -> dict[int, Record]:
    """By the runbook's id; None: of all."""
    return _by("runbook_id", runbooks)


def of_rules(rules: Collection[int] | None = None) -> dict[int, Record]:
    """By the rule's id."""
    return _by("rule_id", rules)


def by(column: str, **narrowed: Any) -> list[tuple[Any, Record]]:
    """By any column (runbook__name, target, cause), those with the most runs first."""
    rows = _over(Execution.objects.filter(**narrowed)).values_list(column).annotate(**_counts()).order_by()
    found = [(key, Record(verified, unverified, failed, EVERYWHERE)) for key, verified, unverified, failed in rows]
    return sorted((one for one in found if one[1].runs), key=lambda one: (-one[1].runs, str(one[0])))


def _by(column: str, wanted: Collection[int] | None) -> dict[int, Record]:
    narrowed: dict[str, Any] = {f"{column}__isnull": False} if wanted is None else {f"{column}__in": list(wanted)}
    return dict(by(column, **narrowed))


def _counts() -> dict[str, Count]:
    return {f"n_{name}": Count("pk", filter=what) for name, what in OUTCOMES.items()}


def _over(rows: Any) -> Any:
    return rows.filter(dry_run=False, created_at__gte=timezone.now() - KEPT)
