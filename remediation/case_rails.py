"""What holds automation back: the switches, and how much has run lately."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from remediation.models import Execution, KillSwitch, Provider, RuleDecision

ALL = "all"


@dataclass(frozen=True)
class Rails:
    stopped: KillSwitch | None  # everything
    providers_stopped: int
    hour: int  # cases begun in the last hour
    by_rule: int  # of them by rules
    held: int  # firings that a guard held back in the last 24 hours
    failing: int  # providers


def rails() -> Rails:
    now = timezone.now()
    hour = Execution.objects.filter(started_at__gte=now - timedelta(hours=1), dry_run=False)
    on = {one.scope: one for one in KillSwitch.objects.filter(on=True)}
    held = RuleDecision.objects.filter(time__gte=now - timedelta(hours=24), outcome=RuleDecision.Outcome.HELD)
    return Rails(
        stopped=on.get(ALL), providers_stopped=len(on) - (ALL in on), hour=hour.count(), by_rule=hour.exclude(rule=None).count(),
        held=held.count(), failing=Provider.objects.filter(enabled=True).exclude(check_error="").count(),
    )  # fmt: skip


def stopped_providers() -> dict[int, KillSwitch]:
    """By the provider's id."""
    found = KillSwitch.objects.filter(on=True, scope__startswith="provider:")
    return {int(one.scope.partition(":")[2]): one for one in found if one.scope.partition(":")[2].isdigit()}
