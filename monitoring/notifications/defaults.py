"""What a fresh installation begins with: the bell, e-mail where a mail server is known, and one route for everything. Made once; whoever
changes or deletes it is left alone."""

from django.conf import settings
from django.db import transaction

from accounts.models import Role, User
from monitoring.notifications.models import Channel, Cursor, Route

BELL, MAIL, ROUTE = "In-app", "E-mail", "Everything"


def install() -> None:
    with transaction.atomic():
        if _first_time("usual set-up"):
            bell, _ = Channel.objects.get_or_create(name=BELL, defaults={"kind": "in_app"})
            if not Route.objects.exists():
                Route.objects.create(name=ROUTE, position=1000, group_by=["alertname"]).channels.add(bell)
        if settings.EMAIL_HOST and _first_time("usual e-mail"):
            _mail()


def _first_time(what: str) -> bool:
    return Cursor.objects.get_or_create(name=what)[1]


def _mail() -> None:
    """To the admins whose address may be one: the first admin's is made up."""
    found = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(email__endswith="@localhost").order_by("id")
    to = list(found.values_list("email", flat=True)[:20])
    mail, made = Channel.objects.get_or_create(name=MAIL, defaults={"kind": "email", "config": {"recipients": "\n".join(to)}})
    route = Route.objects.filter(name=ROUTE).first()
    if made and to and route:
        route.channels.add(mail)
