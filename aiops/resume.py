"""Work that was under way when the one process of embedded mode ended is taken up again when it starts.

The queue lives in memory and is lost; what has to be done stands in the database. A room registers a function that
finds its unfinished rows, frees them from the dead process and enqueues them.
"""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)
_functions: list[Callable[[], object]] = []


def register(function: Callable[[], object]) -> Callable[[], object]:
    """Also usable as a decorator. Called once per start, before the worker takes its first task."""
    if function not in _functions:
        _functions.append(function)
    return function


def run() -> None:
    for function in _functions:
        try:
            function()
        except Exception:
            log.exception("unfinished work was not taken up by %s", function.__qualname__)
