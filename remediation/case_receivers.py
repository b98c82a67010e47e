"""The rail's entry of remediation with how much waits, what can be found by the palette, and telling approvers that something waits."""

import logging
from typing import Any

import kombu.exceptions
from django.dispatch import receiver

from aiops import navigation
from monitoring.dashboards import kept_pages, palette
from remediation import case_notices as _case_notices  # noqa: F401  # its buttons
from remediation.models import Approval
from remediation.signals import approval_asked

log = logging.getLogger(__name__)
navigation.register("Respond", "Remediation", "approvals", "remediation", "monitoring:read", jump="r", order=30)
navigation.count("approvals", lambda: navigation.Badge(Approval.objects.filter(state=Approval.State.WAITING).count()))
palette.offer("Propose remediation", "remediation", "remediate", "remediation:execute")
palette.offer("Remediation cases", "remediation", "executions", "monitoring:read")
palette.offer("Remediation providers", "settings", "providers", "monitoring:read")
kept_pages.register("executions", "Cases", "q|show|state|verification|risk|runbook|cause|target|since|sort")


@receiver(approval_asked, dispatch_uid="notices to approvers")
def on_approval_asked(approval_ids: list[int], **rest: Any) -> None:
    from remediation import tasks  # which needs the engine

    try:
        tasks.tell_approvers.apply_async((approval_ids,), retry=False)
    except (kombu.exceptions.OperationalError, OSError) as fault:
        log.warning("approvers are told as soon as there is a worker again; the queue shows what waits: %s", fault)
