"""Deleting a pod: the very one that was meant, known by its uid. One that is gone already is what was wanted."""

from typing import Any

from remediation.providers.base import RUNNING, SUCCEEDED, ActionError, Answer, Line, Preview
from remediation.providers.kubernetes_acts import REPLACED, Act, called
from remediation.providers.kubernetes_api import TIMEOUT, is_status


class DeletePod(Act):
    def target(self) -> str:
        return f"pod {self.namespace}/{called(self.ask, 'name')}"

    def found(self) -> Any:
        """None where it is gone, or another one bears its name."""
        try:
            with self.talking():
                pod = self.provider.core.read_namespaced_pod(called(self.ask, "name"), self.namespace, _request_timeout=TIMEOUT)
        except ActionError as fault:
            if is_status(fault, 404):
                return None
            raise
        meant = self.ask.params.get("uid")
        return None if meant and pod.metadata.uid != meant else pod

    def delete(self, pod: Any, dry_run: str | None = None) -> None:
        from kubernetes.client import V1DeleteOptions, V1Preconditions

        grace = self.ask.params.get("grace")
        body = V1DeleteOptions(
            preconditions=V1Preconditions(uid=pod.metadata.uid), grace_period_seconds=None if grace in (None, "") else int(float(grace))
        )
        try:
            with self.talking(changing=not dry_run):
                self.provider.core.delete_namespaced_pod(
                    called(self.ask, "name"), self.namespace, body=body, dry_run=dry_run, _request_timeout=TIMEOUT
                )
        except ActionError as fault:
            if not is_status(fault, 404) and not is_status(fault, 409):  # 409: another pod bears the name by now
                raise

    def dry_run(self) -> Preview:
        pod = self.found()
        if pod is None:
            return Preview(f"{self.target()} is gone already", changes=False)
        self.delete(pod, dry_run="All")
        owner = next(iter(pod.metadata.owner_references or ()), None)
        if owner is None:
            return Preview(f"Would delete {self.target()}", [Line("Nothing owns it: no other pod will take its place.", "warning")])
        return Preview(f"Would delete {self.target()}", [Line(f"{owner.kind} {owner.name} will make another.")], diff=f"-{self.target()}")

    def run(self) -> Answer:
        pod = self.found()
        if pod is None:
            return self._gone()
        if pod.metadata.deletion_timestamp is None:
            self.delete(pod)
        return self.poll(pod.metadata.uid, "")

    def poll(self, handle: str, cursor: str) -> Answer:
        pod = self.found()
        if pod is None or pod.metadata.uid != handle:
            return self._gone(handle)
        words = f"{self.target()} is ending."
        return Answer(RUNNING, words, handle=handle, cursor="ending", lines=[] if cursor else [Line(words)])

    def resume(self) -> Answer | None:
        pod = self.found()
        if pod is None:
            return self._gone()
        if pod.metadata.deletion_timestamp is not None:
            return self.poll(pod.metadata.uid, "")
        if self.ask.params.get("uid") or any(owner.kind in REPLACED for owner in pod.metadata.owner_references or ()):
            return None  # it cannot be one that came after: it was not deleted
        raise ActionError(f"nobody can tell whether {self.target()} is the old one or came after it", permanent=True, unclear=True)

    def _gone(self, handle: str = "") -> Answer:
        words = f"{self.target()} is gone."
        return Answer(SUCCEEDED, words, handle=handle, lines=[Line(words, "ok")])
