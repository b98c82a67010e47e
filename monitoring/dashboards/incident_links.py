"""Lists of alerts show the incident that each belongs to: they stand left of incidents and cannot ask by themselves."""

from collections.abc import Collection

from aiops.templatetags.ui import url_or_none
from monitoring.alerts import memberships
from monitoring.alerts.memberships import Membership
from monitoring.alerts.transitions import portions
from monitoring.incidents.models import IncidentAlert


@memberships.register
def of_alerts(alert_ids: Collection[int]) -> dict[int, Membership]:
    found = {}
    for ids in portions(alert_ids):
        rows = IncidentAlert.objects.filter(alert__in=ids).values_list("alert", "incident", "incident__title")
        found.update({alert: _link(incident, title) for alert, incident, title in rows})
    return found


def _link(incident: int, title: str) -> Membership:
    return Membership(str(incident), f"INC-{incident}", title, url_or_none("incident", incident))
