"""What is done to a cluster. A change of an object carries our key and what was there before in annotations, written by the very request
that changes it: so after a crash the object itself tells whether it was done, and how to take it back."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Answer, Ask, Line, Preview
from remediation.providers.kubernetes_api import KIND, TIMEOUT, is_status, talking

KEY, CHANGE = "aiops/action", "aiops/change"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
MERGE = "application/merge-patch+json"
CONFLICTS = 3  # times somebody else may be quicker
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
REPLACED = {"ReplicaSet", "Job", "DaemonSet", "ReplicationController"}  # their pods never bear one name twice


def called(ask: Ask, name: str) -> str:
    value = str(ask.params.get(name) or "")
    if not NAME.fullmatch(value):
        raise ActionError(f"{name} {value[:80]!r} is not the name of anything in a cluster", permanent=True)
    return value


class Act:
    """One verb, for one ask."""

    def __init__(self, provider: Any, ask: Ask) -> None:
        self.provider, self.ask = provider, ask

    def talking(self, changing: bool = False) -> Any:
        return talking(self.provider.masked, changing)

    @property
    def namespace(self) -> str:
        """Raises ActionError where it is not one that may be touched."""
        found, allowed = called(self.ask, "namespace"), str(self.provider.config.get("namespaces") or "").split()
        if found not in allowed if allowed else found.startswith("kube-"):
            raise ActionError(f"the namespace {found} may not be touched", permanent=True)
        return found


class Change(Act):
    """A patch of one object, and then its state until it is as wanted."""

    def target(self) -> str:
        raise NotImplementedError

    def read(self) -> Any:
        raise NotImplementedError

    def patch(self, body: Mapping[str, Any], **more: Any) -> Any:
        raise NotImplementedError

    def wanted(self, found: Any) -> dict[str, Any]:
        """{"from", "to"}: what is stored with the change."""
        raise NotImplementedError

    def body(self, change: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def progress(self, found: Any, to: Any) -> tuple[str, str]:
        """(state, sentence)."""
        raise NotImplementedError

    def found(self) -> Any:
        try:
            with self.talking():
                return self.read()
        except ActionError as fault:
            if is_status(fault, 404):
                raise ActionError(f"{self.target()} does not exist", permanent=True) from None
            raise

    def change(self, dry_run: str | None = None) -> tuple[Any, dict[str, Any]]:
        """The object as it is after it. What we read has to be what is changed: else the cluster says 409 and we look again."""
        for attempt in range(CONFLICTS):
            found = self.found()
            if _marked(found, self.ask.key):
                return found, _stored(found)
            change = self.wanted(found)
            marks = {KEY: self.ask.key, CHANGE: json.dumps(change)}
            meta = {"annotations": marks, "resourceVersion": found.metadata.resource_version}
            try:
                with self.talking(changing=not dry_run):
                    more = {"_content_type": MERGE, "_request_timeout": TIMEOUT, "field_manager": "aiops"}
                    return self.patch({"metadata": meta, **self.body(change)}, dry_run=dry_run, **more), change
            except ActionError as fault:
                if not is_status(fault, 409) or attempt + 1 == CONFLICTS:
                    raise
        raise AssertionError

    def dry_run(self) -> Preview:
        _, change = self.change(dry_run="All")
        diff = f"-{self.words(change['from'])}\n+{self.words(change['to'])}"
        same = change["from"] == change["to"]
        return Preview(f"{'Nothing would change on' if same else 'Would change'} {self.target()}", diff=diff, changes=not same)

    def words(self, value: Any) -> str:
        return str(value)

    def run(self) -> Answer:
        found, change = self.change()
        return self.answer(found, change, "")

    def poll(self, handle: str, cursor: str) -> Answer:
        found = self.found()
        change = _stored(found) if _marked(found, self.ask.key) else json.loads(handle)
        return self.answer(found, change, cursor)

    def resume(self) -> Answer | None:
        found = self.found()
        return self.answer(found, _stored(found), "") if _marked(found, self.ask.key) else None

    def answer(self, found: Any, change: Mapping[str, Any], cursor: str) -> Answer:
        state, words = self.progress(found, change["to"])
        lines = [] if words[:400] == cursor else [Line(words, "error" if state == FAILED else "info")]
        return Answer(state, words, handle=json.dumps(change), cursor=words[:400], lines=lines, undo=change)

    def rollback(self, undo: Mapping[str, Any]) -> Answer:
        raise ActionError("this cannot be taken back", permanent=True)


def _marked(found: Any, key: str) -> bool:
    return (found.metadata.annotations or {}).get(KEY) == key


def _stored(found: Any) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(found.metadata.annotations[CHANGE])
    return stored


class Workload(Change):
    kinds: ClassVar[tuple[str, ...]] = ("deployment", "statefulset", "daemonset")

    @property
    def kind(self) -> str:
        found = str(self.ask.params.get("kind") or "deployment").lower()
        if found not in self.kinds:
            raise ActionError(f"this is done to a {' or a '.join(self.kinds)}, not to a {found[:40]!r}", permanent=True)
        return found

    def target(self) -> str:
        return f"{self.kind} {self.namespace}/{called(self.ask, 'name')}"

    def _call(self, verb: str, *args: Any, **more: Any) -> Any:
        return getattr(self.provider.apps, f"{verb}_namespaced_{KIND[self.kind]}")(called(self.ask, "name"), self.namespace, *args, **more)

    def read(self) -> Any:
        return self._call("read", _request_timeout=TIMEOUT)

    def patch(self, body: Mapping[str, Any], **more: Any) -> Any:
        return self._call("patch", dict(body), **more)

    def progress(self, found: Any, to: Any) -> tuple[str, str]:
        wanted, renewed, ready, all_of_them = _counts(self.kind, found)
        for condition in found.status.conditions or ():
            if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded" and _seen(found):
                return FAILED, f"{self.target()} came to a stop: {condition.message}"
        if _seen(found) and renewed == ready == all_of_them == wanted:
            return SUCCEEDED, f"{self.target()} is as wanted: {wanted} of {wanted} pods are ready."
        return RUNNING, f"{renewed} of {wanted} pods are new, {ready} are ready."


def _seen(found: Any) -> bool:
    """Whether the status speaks of what was last asked for."""
    return (found.status.observed_generation or 0) >= (found.metadata.generation or 0)


def _counts(kind: str, found: Any) -> tuple[int, int, int, int]:
    """Pods that are wanted, of the new kind, ready, there at all."""
    status = found.status
    if kind == "daemonset":
        wanted = status.desired_number_scheduled or 0
        return wanted, status.updated_number_scheduled or 0, status.number_available or 0, status.current_number_scheduled or 0
    wanted = 1 if found.spec.replicas is None else found.spec.replicas
    renewed, there = status.updated_replicas or 0, status.replicas or 0
    if kind == "statefulset" and status.update_revision and status.update_revision == status.current_revision:
        renewed = there  # it counts what is new only while an update is under way
    ready = status.available_replicas if kind == "deployment" else status.ready_replicas
    return wanted, renewed, ready or 0, there


class Restart(Workload):
    def wanted(self, found: Any) -> dict[str, Any]:
        strategy = getattr(found.spec, "update_strategy", None)
        if strategy and strategy.type == "OnDelete":
            raise ActionError(f"{self.target()} replaces pods only when they are deleted (OnDelete)", permanent=True)
        if getattr(found.spec, "paused", False):
            raise ActionError(f"{self.target()} is paused: a restart would not begin", permanent=True)
        before = (found.spec.template.metadata.annotations or {}).get(RESTARTED) if found.spec.template.metadata else None
        return {"from": before, "to": datetime.now(UTC).isoformat(timespec="seconds")}

    def body(self, change: Mapping[str, Any]) -> dict[str, Any]:
        return {"spec": {"template": {"metadata": {"annotations": {RESTARTED: change["to"]}}}}}

    def words(self, value: Any) -> str:
        return f"{RESTARTED}: {value or 'never'}"


class Scale(Workload):
    kinds = ("deployment", "statefulset")

    def wanted(self, found: Any) -> dict[str, Any]:
        return {"from": 1 if found.spec.replicas is None else found.spec.replicas, "to": self.replicas()}

    def replicas(self) -> int:
        least, most = int(self.provider.config.get("least_replicas") or 0), int(self.provider.config.get("most_replicas") or 50)
        try:
            found = int(str(self.ask.params.get("replicas")))
        except ValueError:
            raise ActionError("replicas has to be a whole number", permanent=True) from None
        if not least <= found <= most:
            raise ActionError(f"{found} replicas are not between {least} and {most}, as this provider allows", permanent=True)
        return found

    def body(self, change: Mapping[str, Any]) -> dict[str, Any]:
        return {"spec": {"replicas": change["to"]}}

    def words(self, value: Any) -> str:
        return f"replicas: {value}"

    def progress(self, found: Any, to: Any) -> tuple[str, str]:
        now = 1 if found.spec.replicas is None else found.spec.replicas
        if now != to:
            return FAILED, f"somebody else has set {self.target()} to {now} replicas meanwhile."
        return super().progress(found, to)


class Cordon(Change):
    to: ClassVar[bool] = True

    def target(self) -> str:
        return f"node {called(self.ask, 'name')}"

    def read(self) -> Any:
        return self.provider.core.read_node(called(self.ask, "name"), _request_timeout=TIMEOUT)

    def patch(self, body: Mapping[str, Any], **more: Any) -> Any:
        return self.provider.core.patch_node(called(self.ask, "name"), dict(body), **more)

    def wanted(self, found: Any) -> dict[str, Any]:
        if not self.provider.config.get("nodes", True):
            raise ActionError("nodes may not be touched", permanent=True)
        return {"from": bool(found.spec.unschedulable), "to": self.to}

    def body(self, change: Mapping[str, Any]) -> dict[str, Any]:
        return {"spec": {"unschedulable": change["to"]}}

    def words(self, value: Any) -> str:
        return f"unschedulable: {str(bool(value)).lower()}"

    def progress(self, found: Any, to: Any) -> tuple[str, str]:
        if bool(found.spec.unschedulable) != bool(to):
            return FAILED, f"somebody else has {'un' if to else ''}cordoned {self.target()} meanwhile."
        return SUCCEEDED, f"{self.target()} takes {'no' if to else 'new'} pods{'' if to else ' again'}."


class Uncordon(Cordon):
    to = False
