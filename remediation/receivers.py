"""Alerts that fire are held against the rules at once; what ended takes its questions with it; a fresh installation has its table."""

import logging
import threading
import time
from contextlib import suppress
from typing import Any

import kombu.exceptions
from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from monitoring.alerts.signals import alert_opened
from remediation import approvals, left_plans, matching, policy_table, runbook_packs
from remediation.models import PolicyRow
from remediation.signals import execution_changed

NUDGE_PAUSE = 0.1  # seconds: a storm of alerts is not a storm of tasks; what comes within it waits for the next turn of the clock
log = logging.getLogger(__name__)


class _Nudge:
    def __init__(self) -> None:
        self.next_at = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        from remediation import tasks  # which needs the engine

        with self._lock:
            now = time.monotonic()
            if now < self.next_at:
                return
            self.next_at = now + NUDGE_PAUSE
        try:
            tasks.match_alerts.apply_async(expires=10, retry=False)
        except (kombu.exceptions.OperationalError, OSError) as fault:
            log.info("rules wait for their next turn: %s", fault)


nudge = _Nudge()


@receiver(alert_opened, dispatch_uid="automation rules")
def on_alert_opened(**rest: Any) -> None:
    nudge()


@receiver(execution_changed, dispatch_uid="questions of what is over")
def on_execution_changed(execution_ids: list[int], **rest: Any) -> None:
    approvals.close_needless(execution_ids)
    _discard_plans(execution_ids)


def _discard_plans(execution_ids: list[int]) -> None:
    from remediation import tasks  # which needs the engine

    for pk in left_plans.left(execution_ids):
        with suppress(kombu.exceptions.OperationalError, OSError):
            tasks.discard_plans.apply_async((pk,), retry=False)


@receiver(post_migrate, dispatch_uid="shipped runbooks and policy")
def on_migrated(sender: AppConfig, using: str = "default", **rest: Any) -> None:
    if sender.name != "remediation" or using != "default":
        return
    if PolicyRow._meta.db_table not in connections[using].introspection.table_names():
        return  # migrated back to nothing
    matching.cursor()  # what fires from now on is held against the rules
    if settings.RUNBOOK_PACKS:
        policy_table.install()
        runbook_packs.install()
