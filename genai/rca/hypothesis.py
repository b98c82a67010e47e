"""One hypothesis of a root cause."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Hypothesis(NamedTuple):
    """Reads as a tuple, by attribute, and by name like a mapping; as a whole it goes into JSON when the components do."""

    component: Any
    score: float  # 0-1; those of one answer add up to 1 at most
    metric: str  # of the component, the one that left its past the most; empty where it reports none that did
    onset: float | None  # epoch seconds
    reason: str  # one sentence
    evidence: list[dict[str, Any]]
    path: list[Any]  # components from this one up to the one that alerts

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self._fields:
                raise KeyError(key)
            return getattr(self, key)
        return tuple.__getitem__(self, key)

    def keys(self) -> Iterator[str]:
        return iter(self._fields)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self._fields else default

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()
