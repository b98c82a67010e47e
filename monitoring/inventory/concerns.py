"""What other rooms know of resources beyond what is measured: they register who tells, and it counts in the resources' health.

A concern is {"severity", "text", …}; whatever else it carries stays with the reason that it becomes.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

Concern = Mapping[str, Any]
Teller = Callable[[Collection[int]], Mapping[int, list[Concern]]]  # resource ids -> {resource id: concerns, worst first}
_tellers: list[Teller] = []


def register(teller: Teller) -> Teller:
    """May stand above the function."""
    if teller not in _tellers:
        _tellers.append(teller)
    return teller


def of(resources: Collection[int]) -> dict[int, list[Concern]]:
    found: dict[int, list[Concern]] = {}
    for teller in _tellers if resources else ():
        for pk, concerns in teller(resources).items():
            found.setdefault(pk, []).extend(concerns)
    return found
