"""How people are reached: the bell, the e-mail, and what else they gave. Their preferences decide, and their quiet hours."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from accounts.models import User
from monitoring.notifications.hours import quiet_until
from monitoring.notifications.inbox import NoticePreference, preferences_of, reaches
from monitoring.notifications.models import Channel, ContactMethod, EscalationStep
from monitoring.notifications.schedule import on_call

BELL, MAIL = "in_app", "email"  # the kinds by which anybody is reached


class Way(NamedTuple):
    """To a channel as such (user None), or over it to one person; `held` until their or its quiet hours end."""

    channel: Channel
    user: User | None = None
    address: str = ""
    held: datetime | None = None

    @property
    def tag(self) -> str:
        """Tells apart the ways of one message."""
        if self.user is None:
            return str(self.channel.pk)
        return f"{self.channel.pk}:{self.user.pk}" + (f":{self.address[:40]}" if self.address != self.user.email else "")


def to_channels(channels: Iterable[Channel], severity: str, at: datetime) -> list[Way]:
    return [Way(one, held=held(one, severity, at)) for one in channels if one.enabled]


def held(channel: Channel, severity: str, at: datetime) -> datetime | None:
    """Until when the channel's quiet hours keep it."""
    return None if reaches(severity, channel.quiet_except) else quiet_until(channel, channel.time_zone, at)


def to_people(users: Collection[User], severity: str, at: datetime) -> list[Way]:
    """Three statements, however many people."""
    active = [user for user in users if user.is_active]
    if not active:
        return []
    preferences = preferences_of(active)
    bell, mail = _everybodys()
    given: defaultdict[int, list[ContactMethod]] = defaultdict(list)
    for one in ContactMethod.objects.filter(user__in=active, channel__enabled=True).select_related("channel").order_by("id"):
        given[one.user_id].append(one)
    ways: list[Way] = []
    for user in active:
        likes = preferences[user.pk]
        quiet = _quiet(likes, user, severity, at)
        found = [Way(bell, user, user.email)] if bell else []
        if mail and likes.wants_mail(severity):
            found.append(Way(mail, user, user.email, quiet))
        found += [
            Way(one.channel, user, one.address or user.email, quiet) for one in given[user.pk] if reaches(severity, one.severity_from)
        ]
        ways += [_also_held(way, severity, at) for way in found]
    return ways


def _everybodys() -> tuple[Channel | None, Channel | None]:
    """The bell and the mail that reach anybody: the first enabled channel of each kind."""
    found: dict[str, Channel] = {}
    for channel in Channel.objects.filter(kind__in=(BELL, MAIL), enabled=True).order_by("id"):
        found.setdefault(channel.kind, channel)
    return found.get(BELL), found.get(MAIL)


def _quiet(likes: NoticePreference, user: User, severity: str, at: datetime) -> datetime | None:
    return quiet_until(likes, user.time_zone, at) if likes.is_quiet(severity, at) else None


def _also_held(way: Way, severity: str, at: datetime) -> Way:
    by_channel = held(way.channel, severity, at)
    until = max((one for one in (way.held, by_channel) if one), default=None)
    return way._replace(held=until)


def still_to(ways: Collection[Way], severity: str, at: datetime) -> list[Way]:
    """Ways that were taken before, with the quiet hours of now; without what was switched off since."""
    likes = preferences_of({way.user for way in ways if way.user})
    found = [way._replace(held=None) for way in ways if way.channel.enabled and (way.user is None or way.user.is_active)]
    quiet = {user.pk: _quiet(likes[user.pk], user, severity, at) for way in found if (user := way.user)}
    own = [way._replace(held=quiet[way.user.pk]) if way.user and way.channel.kind != BELL else way for way in found]
    return [_also_held(way, severity, at) for way in own]


def of_step(step: EscalationStep, severity: str, at: datetime) -> list[Way]:
    """Whom an escalation's step reaches now. Nobody on call: nobody."""
    if step.target == EscalationStep.Target.CHANNEL:
        return to_channels([step.channel] if step.channel else [], severity, at)
    return to_people(people_of(step, at), severity, at)


def people_of(step: EscalationStep, at: datetime) -> list[User]:
    if step.target == EscalationStep.Target.USER:
        return [step.user] if step.user else []
    if step.target == EscalationStep.Target.ROLE:
        return list(User.objects.filter(role=step.role, is_active=True).order_by("id"))
    here = on_call(step.schedule, at) if step.schedule else None
    return list(User.objects.filter(pk=here)) if here else []
