"""Which resource an alert is about, by the names in its labels."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from monitoring.inventory.models import Resource

# Labels from the most particular to the most general; kinds that a name in them may be.
NAMING = (
    ("gpu", ("gpu",)),
    ("pod", ("pod",)),
    ("container", ("container",)),
    ("vm", ("vm",)),
    ("host", ()),
    ("hostname", ()),
    ("nodename", ()),
    ("node", ()),
    ("device_name", ()),
    ("instance", ()),
    ("service", ("service",)),
)
LOOKED_UP = 900  # names in one statement
Labels = Mapping[str, str]


def resources(labels: Sequence[Labels]) -> list[int | None]:
    """Resource ids at the places of the labels; None where nothing of that name is known."""
    wanted = [list(_names(one)) for one in labels]
    known = _known({name for names in wanted for name, _ in names})
    return [next(filter(None, (_fitting(known.get(name, ()), kinds) for name, kinds in names)), None) for names in wanted]


def _names(labels: Labels) -> Iterator[tuple[str, tuple[str, ...]]]:
    for label, kinds in NAMING:
        text = labels.get(label, "")
        if text:
            yield text, kinds
            if label == "instance" and ":" in text:
                yield text.rpartition(":")[0].strip("[]"), kinds


def _known(names: set[str]) -> dict[str, list[tuple[int, str]]]:
    listed = sorted(name for name in names if "\0" not in name)
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for place in range(0, len(listed), LOOKED_UP):
        rows = Resource.objects.filter(name__in=listed[place : place + LOOKED_UP]).order_by("id")
        for pk, kind, name in rows.values_list("id", "kind", "name"):
            found[name].append((pk, kind))
    return found


def _fitting(rows: Sequence[tuple[int, str]], kinds: tuple[str, ...]) -> int | None:
    return next((pk for pk, kind in rows if not kinds or kind in kinds), None)
