"""Which runbooks are for a trouble or a thing: what people are offered first. Everything else can be chosen too."""

from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource
from remediation.models import Runbook
from remediation.spec import Spec, SpecError
from remediation.versions import spec_of


def runbooks_for(alert: Alert | None = None, resource: Resource | None = None) -> list[tuple[Runbook, Spec]]:
    """Enabled ones that fit, those made for just this before those made for anything. One statement."""
    found = [
        (runbook, spec)
        for runbook, spec in usable()
        if (alert is not None and spec.fits.alert(alert.name, alert.labels))
        or (alert is None and resource is not None and spec.fits.resource(resource.kind))
    ]
    return sorted(found, key=lambda one: ("*" in one[1].fits.alerts, one[0].name))


def usable() -> list[tuple[Runbook, Spec]]:
    """Every enabled one that this release can read."""
    found = []
    for runbook in Runbook.objects.filter(enabled=True, current__isnull=False).select_related("current"):
        try:
            found.append((runbook, spec_of(runbook)))
        except SpecError:
            continue
    return found
