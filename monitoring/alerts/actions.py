"""What people do to alerts, by the words that pages and the API use for it."""

from collections.abc import Callable, Collection

from accounts.models import User
from monitoring.alerts import lifecycle
from monitoring.alerts.transitions import Who

MOST_AT_ONCE = 10_000
LONGEST_NOTE = 5000
VERBS = ("acknowledge", "take", "unacknowledge", "assign", "resolve", "reopen", "rate", "comment")


def perform(verb: str, ids: Collection[int], actor: Who, note: str = "", to: User | None = None, severity: str = "") -> list[int]:
    """Returns the ids of those that it fitted. KeyError for another verb; ValueError for a severity that does not exist."""
    verbs: dict[str, Callable[[], list[int]]] = {
        "acknowledge": lambda: lifecycle.acknowledge(ids, actor, note),
        "take": lambda: lifecycle.take(ids, actor, note),
        "unacknowledge": lambda: lifecycle.unacknowledge(ids, actor, note),
        "assign": lambda: lifecycle.assign(ids, actor, to, note),
        "resolve": lambda: lifecycle.resolve(ids, actor, note=note),
        "reopen": lambda: lifecycle.reopen(ids, actor, note),
        "rate": lambda: lifecycle.rate(ids, actor, severity, note),
        "comment": lambda: lifecycle.comment(ids, actor, note),
    }
    return verbs[verb]()
