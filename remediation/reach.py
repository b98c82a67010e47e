"""The blast radius: everything that stops working when a thing stops, because it runs on it or needs it, up to some levels."""

from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from aiops.prepared import Prepared
from monitoring.dashboards import kinds
from monitoring.inventory.models import Dependency, Resource

LEVELS, MOST = 4, 1000  # steps away; resources that are counted


class Reach(NamedTuple):
    size: int = 0
    kinds: tuple[tuple[str, int], ...] = ()  # the most first

    @property
    def words(self) -> str:
        if not self.size:
            return "nothing else hangs on it"
        named = [f"{count} {_word(kind, count)}" for kind, count in self.kinds[:3]]
        rest = self.size - sum(count for _, count in self.kinds[:3])
        shown = ", ".join(named) + (f" and {rest} more" if rest else "")
        return f"at least {shown}" if self.size >= MOST else shown


def _word(kind: str, count: int) -> str:
    word = kinds.kind(kind).one if count == 1 else kinds.kind(kind).many
    return word if word.isupper() or word[:2].isupper() else word[:1].lower() + word[1:]


def of(resource_id: int | None) -> Reach:
    """One statement for each level; nothing for what is no resource. What is gone does not count."""
    if resource_id is None:
        return Reach()
    found: dict[int, str] = {}
    edge = {resource_id}
    for _ in range(LEVELS):
        rows = {pk: kind for pk, kind in _below(edge) if pk != resource_id and pk not in found}
        found |= rows
        edge = set(rows)
        if not edge or len(found) >= MOST:
            break
    counted = Counter(list(found.values())[:MOST])
    return Reach(counted.total(), tuple(counted.most_common()))


def _below(ids: Collection[int]) -> list[tuple[int, str]]:
    """What runs on one of these, and what needs one."""
    return _below_one(one=next(iter(ids))) if len(ids) == 1 else list(_hanging(Q(parent__in=ids), Q(to_resource__in=ids)))


def _hanging(on: Q, needs: Q) -> QuerySet[Any]:
    needing = Dependency.objects.filter(needs).values("from_resource")
    rows = Resource.objects.exclude(state=Resource.State.GONE).filter(on | Q(pk__in=needing))
    return rows.values_list("pk", "kind")[: MOST + 1]


_below_one = Prepared(lambda one: _hanging(Q(parent_id=one), Q(to_resource_id=one)), one=int)
