"""Alerts that fire count in the health of what they are about; what is silenced or in maintenance does not."""

from collections.abc import Collection

from monitoring.alerts.models import RANKS, Alert
from monitoring.inventory import concerns
from monitoring.inventory.concerns import Concern

MOST = 5  # of one resource
RULE = "alert"


@concerns.register
def firing(resources: Collection[int]) -> dict[int, list[Concern]]:
    """One statement. Told without the value: a sentence that changed with each sample would be written with each sample."""
    rows = Alert.objects.filter(state=Alert.State.FIRING, suppressed=False, resource__isnull=False).exclude(kind=Alert.Kind.PREDICTIVE)
    found: dict[int, list[Concern]] = {}
    for pk, resource, severity, name in rows.order_by("pk").values_list("pk", "resource_id", "severity", "name"):
        if resource in resources:
            found.setdefault(resource, []).append(_concern(pk, severity, name))
    return {pk: sorted(all_of_it, key=lambda one: -RANKS[one["severity"]])[:MOST] for pk, all_of_it in found.items()}


def _concern(pk: int, severity: str, name: str) -> Concern:
    return {"severity": severity, "text": f"Alert {name} fires", "metric": "", "rule": RULE, "where": f"{name} {pk}", "alert": pk}
