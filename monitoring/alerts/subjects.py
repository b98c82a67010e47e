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
PARTS = ("gpu", "container", "pod")  # carry the instance of the machine they are in
LOOKED_UP = 900  # names in one statement
Labels = Mapping[str, str]


def resources(labels: Sequence[Labels]) -> list[int | None]:
    """Resource ids at the places of the labels; None where nothing of that name is known."""
    wanted = [list(_names(one)) for one in labels]
    known = _known({name for names in wanted for name, _ in names})
    by_name = [next(filter(None, (_fitting(known.get(name, ()), kinds) for name, kinds in names)), None) for names in wanted]
    devices = _labelled("uuid", {one["uuid"] for one in labels if one.get("uuid")})
    strange = {one["instance"] for one, found in zip(labels, by_name, strict=True) if found is None and one.get("instance")}
    scraped = _labelled("instance", strange, particular=False)
    return [
        devices.get(one.get("uuid", "")) or found or scraped.get(one.get("instance", ""))
        for one, found in zip(labels, by_name, strict=True)
    ]


def _labelled(label: str, texts: set[str], particular: bool = True) -> dict[str, int]:
    """Resources by a label that their sources gave them; without `particular`, not the parts of a thing."""
    listed = sorted(text for text in texts if "\0" not in text)
    found: dict[str, int] = {}
    for place in range(0, len(listed), LOOKED_UP):
        rows = Resource.objects.filter(**{f"labels__{label}__in": listed[place : place + LOOKED_UP]}).order_by("-id")
        rows = rows if particular else rows.exclude(kind__in=PARTS)
        found |= {str(labels[label]): pk for pk, labels in rows.values_list("id", "labels")}
    return found


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
