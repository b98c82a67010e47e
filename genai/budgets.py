"""What may be spent in a day (UTC), in tokens and in dollars: by everybody, by each person, by one person, by one feature.

Before a call what it may take at most is reserved, by one conditional UPDATE for each limit: two calls at once cannot both take the last
token. After it what it took remains. A process that dies in between keeps what it had reserved until midnight.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from genai.models import Budget, Completion, Spending

NANO = Decimal(1_000_000_000)
EVERYBODY, EACH = "all", "user"


class Exceeded(Exception):
    """One sentence for whoever asked."""


@dataclass(frozen=True)
class Reserved:
    day: date
    scopes: tuple[str, ...]
    tokens: int
    nanodollars: int


@dataclass(frozen=True)
class Standing:
    """A budget and what of it is used today; `of` the person where each has it."""

    budget: Budget
    scope: str
    tokens: int
    dollars: Decimal

    @property
    def share(self) -> float:
        """Of the limit that is nearer; 1 is all of it."""
        parts = [self.tokens / self.budget.tokens if self.budget.tokens else float(self.budget.tokens == 0)]
        if self.budget.dollars is not None:
            parts.append(float(self.dollars / self.budget.dollars) if self.budget.dollars else 1.0)
        return max(parts)


def today() -> date:
    return timezone.now().astimezone(UTC).date()


def limits(purpose: str, user: int | None) -> dict[str, Budget]:
    """By what they are counted under. A person's own limit stands in place of the one for each."""
    mine = f"user:{user}" if user is not None else ""
    wanted = [EVERYBODY, f"purpose:{purpose}", *([EACH, mine] if mine else [])]
    found = {one.scope: one for one in Budget.objects.filter(scope__in=wanted)}
    each = found.pop(EACH, None)
    if each is not None and mine not in found:
        found[mine] = each
    return found


def reserve(purpose: str, user: int | None, tokens: int, dollars: Decimal) -> Reserved:
    """Raises Exceeded, and then nothing is reserved."""
    found, day, nano = limits(purpose, user), today(), _nano(dollars)
    with transaction.atomic():
        for scope, budget in sorted(found.items()):
            _take(scope, budget, day, tokens, nano)
    return Reserved(day, tuple(sorted(found)), tokens, nano)


def _take(scope: str, budget: Budget, day: date, tokens: int, nano: int) -> None:
    fits = Spending.objects.filter(scope=scope, day=day)
    if budget.tokens is not None:
        fits = fits.filter(tokens__lte=budget.tokens - tokens)
    if budget.dollars is not None:
        fits = fits.filter(nanodollars__lte=_nano(budget.dollars) - nano)
    more = {"tokens": F("tokens") + tokens, "nanodollars": F("nanodollars") + nano}
    if not fits.update(**more) and not (_begun(scope, day) and fits.update(**more)):
        raise Exceeded(_sentence(scope))


def _begun(scope: str, day: date) -> bool:
    """Makes the day's row, where there is none yet: it begins with what was spent before there was a limit to count under."""
    if Spending.objects.filter(scope=scope, day=day).exists():
        return False
    tokens, dollars = spent(scope, day)
    Spending.objects.get_or_create(scope=scope, day=day, defaults={"tokens": tokens, "nanodollars": _nano(dollars)})
    return True


def settle(reserved: Reserved, tokens: int, dollars: Decimal) -> None:
    """What was reserved becomes what it took."""
    if reserved.scopes:
        Spending.objects.filter(scope__in=reserved.scopes, day=reserved.day).update(
            tokens=F("tokens") + (tokens - reserved.tokens), nanodollars=F("nanodollars") + (_nano(dollars) - reserved.nanodollars)
        )


def spent(scope: str, day: date) -> tuple[int, Decimal]:
    """Tokens and dollars of the calls of a day."""
    begin = datetime.combine(day, time.min, UTC)
    calls = Completion.objects.filter(started_at__gte=begin)
    kind, _, which = scope.partition(":")
    if kind == "purpose":
        calls = calls.filter(purpose=which)
    elif kind == "user":
        calls = calls.filter(user=int(which))
    found = calls.aggregate(read=Sum("tokens_in"), written=Sum("tokens_out"), cost=Sum("cost"))
    return (found["read"] or 0) + (found["written"] or 0), Decimal(found["cost"] or 0)


def standings() -> list[Standing]:
    """Every budget with the day's spending; one for each person with the person's who spent most."""
    rows = {one.scope: one for one in Spending.objects.filter(day=today())}
    return [_standing(budget, rows) for budget in Budget.objects.all()]


def _standing(budget: Budget, rows: Mapping[str, Spending]) -> Standing:
    scope = budget.scope
    if scope == EACH:
        own = set(Budget.objects.filter(scope__startswith="user:").values_list("scope", flat=True))
        people = [row for key, row in rows.items() if key.startswith("user:") and key not in own]
        found = max(people, key=lambda row: row.tokens, default=None)
    else:
        found = rows.get(scope)
    if found is not None:
        return Standing(budget, found.scope, found.tokens, found.nanodollars / NANO)
    return Standing(budget, scope, *((0, Decimal(0)) if scope == EACH else spent(scope, today())))


def _nano(dollars: Decimal) -> int:
    return int(dollars * NANO)


def _sentence(scope: str) -> str:
    whose = "of everybody" if scope == EVERYBODY else f"of {scope.partition(':')[2]}" if scope.startswith("purpose:") else "you have"
    return f"The budget {whose} for language models is used up for today; it begins anew at midnight UTC."
