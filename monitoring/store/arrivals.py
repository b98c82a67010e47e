"""Who wants to know at once that samples were stored. No signal: a plain list, which costs nothing while it is empty and little otherwise.

A hearer is called on the writer's thread, after the commit, for every batch: it looks at the keys, notes what it has to do and returns.
"""

from collections.abc import Callable, Sequence

from monitoring.store.batch import SeriesKey

Hearer = Callable[[Sequence[SeriesKey]], None]
_hearers: list[Hearer] = []


def register(hearer: Hearer) -> Hearer:
    """May stand above the function as a decorator. A hearer must not raise: the samples are stored whatever it does."""
    if hearer not in _hearers:
        _hearers.append(hearer)
    return hearer


def tell(keys: Sequence[SeriesKey]) -> None:
    for hearer in _hearers:
        hearer(keys)
