"""What was told of one alert or incident: for their pages."""

from typing import Any

from django.db.models import F, Q, QuerySet

from monitoring.incidents.models import IncidentAlert
from monitoring.notifications.models import Delivery


def of_alert(alert_id: int) -> QuerySet[Delivery]:
    """Deliveries of the groups it was in, while it was in them. The newest first."""
    return _of(message__group__members__alert=alert_id)


def of_incident(incident_id: int) -> QuerySet[Delivery]:
    """Of its alerts."""
    found = _of(message__group__members__alert__in=IncidentAlert.objects.filter(incident=incident_id).values("alert"))
    return Delivery.objects.filter(pk__in=found.order_by().values("pk")).select_related("message").order_by("-id")


def _of(**members: Any) -> QuerySet[Delivery]:
    at = F("message__at")
    then = Q(message__group__members__over_at=None) | Q(message__group__members__over_at__gte=at)
    rows = Delivery.objects.filter(then, message__group__members__added_at__lte=at, **members)  # in one filter: of one member
    return rows.select_related("message").order_by("-id")
