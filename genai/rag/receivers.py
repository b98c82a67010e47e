"""Documents follow what they were made of: runbooks and incidents."""

import threading
from collections.abc import Callable, Collection
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from aiops import navigation, resume
from genai.rag import tasks
from monitoring.alerts.pacing import Pacing, ask
from monitoring.incidents.signals import incident_changed, incident_resolved
from remediation.models import Runbook

PAUSE = 5.0  # seconds: what changes often is written down once
navigation.register("Assist", "Documents", "documents", "note", "monitoring:read", order=30)


class Gathered:
    """Keys that changed since they were asked for last."""

    def __init__(self, work: Callable[[list[Any]], None]) -> None:
        self.keys: set[Any] = set()
        self.guard = threading.Lock()
        self.pacing = Pacing(lambda: work(self.take()), PAUSE)

    def add(self, keys: Collection[Any]) -> None:
        with self.guard:
            self.keys.update(keys)
        self.pacing()

    def take(self) -> list[Any]:
        with self.guard:
            keys, self.keys = sorted(self.keys), set()
        return keys


changed_runbooks = Gathered(lambda keys: ask(tasks.sync_runbooks, keys))
changed_incidents = Gathered(lambda ids: ask(tasks.sync_incidents, ids))


@receiver(post_save, sender=Runbook, dispatch_uid="documents of runbooks")
@receiver(post_delete, sender=Runbook, dispatch_uid="documents of runbooks that are gone")
def on_runbook_changed(instance: Runbook, **rest: Any) -> None:
    key = instance.key
    transaction.on_commit(lambda: changed_runbooks.add([key]))


@receiver(incident_resolved, dispatch_uid="documents of past incidents")
@receiver(incident_changed, dispatch_uid="documents of notes in incidents")
def on_incident_changed(incident_ids: list[int], **rest: Any) -> None:
    changed_incidents.add(incident_ids)


@resume.register
def take_up() -> None:
    ask(tasks.tend_documents)
