"""Series that a watch answers become tracks, once each."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from django.db import transaction

from forecasting.models import Track, Watch
from monitoring.alerts import subjects
from monitoring.inventory.models import Resource
from monitoring.query.source import NAME
from monitoring.store.batch import SeriesKey

Mark = frozenset[tuple[str, str]]
Labels = Mapping[str, str]
PARTS = ("mountpoint", "device", "interface", "gpu", "container", "queue", "topic", "consumergroup", "vhost", "cpu", "sensor", "chip")
LOOKED_UP = 500


def mark_of(watch: Watch, labels: Labels) -> Mark:
    """What tells a watch's series apart: the name too, where it answers series of many metrics."""
    if NAME in labels and watch.metric:
        return frozenset(item for item in labels.items() if item[0] != NAME)
    return frozenset(labels.items())


def mark_of_track(watch: Watch, track: Track) -> Mark:
    return frozenset(track.labels.items()) | (frozenset() if watch.metric else {(NAME, track.metric)})


def key_of(watch: Watch, mark: Mark) -> str:
    text = "\xff".join([watch.key, *(f"{name}\xfe{value}" for name, value in sorted(mark))])
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def register(watch: Watch, marks: Iterable[Mark]) -> list[Track]:
    """Rows for series that were not known; those that another process made meanwhile are taken. In the order of the marks."""
    wanted = {key_of(watch, mark): mark for mark in marks}
    if not wanted:
        return []
    with transaction.atomic():
        Track.objects.bulk_create(_made(watch, wanted), batch_size=LOOKED_UP, ignore_conflicts=True, unique_fields=["key"])
        found: dict[str, Track] = {}
        keys = list(wanted)
        for place in range(0, len(keys), LOOKED_UP):
            found |= {track.key: track for track in Track.objects.filter(key__in=keys[place : place + LOOKED_UP])}
    return [found[key] for key in wanted]


def _made(watch: Watch, wanted: Mapping[str, Mark]) -> list[Track]:
    labels = [{name: value for name, value in mark if name != NAME} for mark in wanted.values()]
    metrics = [watch.metric or dict(mark).get(NAME, watch.key) for mark in wanted.values()]
    owners = subjects.resources(labels)
    names = dict(Resource.objects.filter(pk__in={pk for pk in owners if pk}).values_list("pk", "name"))
    vms = [(names.get(pk or 0) or _named(one) or metric)[:255] for pk, one, metric in zip(owners, labels, metrics, strict=True)]
    titles = _titles(list(zip(vms, metrics, labels, strict=True)))
    return [
        Track(watch=watch, labels=one, key=key, metric=metric, vm=vm, series=title, resource_id=pk)
        for key, one, metric, vm, title, pk in zip(wanted, labels, metrics, vms, titles, owners, strict=True)
    ]


def _named(labels: Labels) -> str:
    """By its labels, where no resource has that name."""
    return next((labels[name] for name, _ in subjects.NAMING if labels.get(name)), labels.get("job", ""))


def _titles(series: Sequence[tuple[str, str, Labels]]) -> list[str]:
    """Metric and the part of the machine it is of; all labels where that is another series' title too."""
    short = [(vm, _braced(metric, {name: labels[name] for name in _parts(labels)})) for vm, metric, labels in series]
    taken = set(Track.objects.filter(vm__in={vm for vm, _ in short}).values_list("vm", "series")) if len(short) < LOOKED_UP else set()
    titles = []
    for (vm, title), (_, metric, labels) in zip(short, series, strict=True):
        title = title if (vm, title) not in taken else _braced(metric, labels)
        taken.add((vm, title))
        titles.append(title[:400])
    return titles


def _parts(labels: Labels) -> list[str]:
    """A mount point names its device too."""
    found = [name for name in PARTS if labels.get(name)]
    return [name for name in found if name != "device" or "mountpoint" not in found]


def _braced(metric: str, labels: Labels) -> str:
    inner = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{metric}{{{inner}}}" if inner else metric


def sample_key(track: Track, suffix: str) -> SeriesKey:
    """Of what is written of a track: `suffix` is anomaly, forecast, lower or upper."""
    return SeriesKey.of(f"{track.metric}:{suffix}", track.labels)
