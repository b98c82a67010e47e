"""Whether the platform itself is well. Rooms register a check in AppConfig.ready; the checks run when somebody asks."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "degraded", "failed"]
READY = ("database", "broker", "channel layer")  # without these the process cannot serve
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    status: Status
    detail: str = ""  # one sentence
    age_seconds: float | None = None  # since the thing checked last did its work or answered

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Check = Callable[[], Health]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    _checks[name] = check


def _run(name: str, check: Check) -> Health:
    try:
        return check()
    except Exception as fault:
        log.warning("health check %s failed: %s", name, fault)
        return Health("failed", f"{type(fault).__name__}: {fault}".splitlines()[0][:200])


def run(names: Iterable[str] | None = None) -> dict[str, Health]:
    """Every registered check, or the named ones, in the order they were registered. A check that raises has failed."""
    wanted = list(_checks) if names is None else [name for name in names if name in _checks]
    return {name: _run(name, _checks[name]) for name in wanted}


def worst(results: Iterable[Health]) -> Status:
    statuses = {health.status for health in results}
    return "failed" if "failed" in statuses else "degraded" if "degraded" in statuses else "ok"
