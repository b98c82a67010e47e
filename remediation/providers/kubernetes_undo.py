"""Taking back what was done to a cluster: back to what was there, unless somebody has changed it since."""

from collections.abc import Mapping
from typing import Any

from remediation.providers.base import ActionError, Answer, Ask
from remediation.providers.kubernetes_acts import Change, Cordon, Scale


class Back(Change):
    """Mixed into the act that is taken back."""

    undo: Mapping[str, Any]

    def wanted(self, found: Any) -> dict[str, Any]:
        now = self.now(found)
        if now not in (self.undo["to"], self.undo["from"]):
            raise ActionError(f"{self.target()} was changed since ({self.words(now)}): it is left as it is", permanent=True)
        return {"from": now, "to": self.undo["from"]}

    def now(self, found: Any) -> Any:
        raise NotImplementedError


class ScaleBack(Back, Scale):
    def now(self, found: Any) -> Any:
        return 1 if found.spec.replicas is None else found.spec.replicas


class CordonBack(Back, Cordon):
    def now(self, found: Any) -> Any:
        return bool(found.spec.unschedulable)


def take_back(provider: Any, ask: Ask, undo: Mapping[str, Any]) -> Answer:
    """Raises ActionError."""
    made = {"scale": ScaleBack, "cordon": CordonBack, "uncordon": CordonBack}.get(ask.verb)
    if made is None or not {"from", "to"} <= set(undo):
        raise ActionError("this cannot be taken back", permanent=True)
    act = made(provider, ask)
    act.undo = undo
    return act.run()
