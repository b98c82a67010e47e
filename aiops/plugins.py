"""What every plugin family shares: a class named by a dotted path, the fields it is configured by, its one error.

A family is a `base.py` with a subclass of Plugin that states the family's verb, and one plain dict
{kind: "dotted.Class"}; a member is imported when it is first used.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from django.utils.module_loading import import_string


class PluginError(Exception):
    """A plugin could not do its work. `permanent`: trying again does not help until somebody changes something."""

    def __init__(self, message: str, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent


class Plugin:
    label: ClassVar[str]
    Config: ClassVar[type]  # declares the fields: a Django form
    secret_fields: ClassVar[tuple[str, ...]] = ()  # of those, the ones stored encrypted and never shown again


@cache
def load(dotted: str) -> Any:
    """The class or function behind a dotted path. Raises PluginError when it cannot be imported."""
    try:
        return import_string(dotted)
    except ImportError as fault:
        raise PluginError(f"{dotted} cannot be loaded: {fault}", permanent=True) from fault


def member(family: Mapping[str, str], kind: str) -> Any:
    """The family's class for a kind. Raises PluginError for a kind that the family does not have."""
    if kind not in family:
        raise PluginError(f"there is no kind {kind!r}; known are {', '.join(sorted(family))}", permanent=True)
    return load(family[kind])
