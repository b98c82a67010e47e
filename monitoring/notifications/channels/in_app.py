"""Inside AIOps: a row per person behind the bell, told live to whoever has a page open."""

from collections.abc import Collection, Mapping
from functools import cached_property, partial
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from accounts.models import Role, User
from aiops.plugin_forms import ConfigForm
from monitoring.live.publish import publish_many
from monitoring.notifications import inbox
from monitoring.notifications.channels.base import HEARD_WITH_OWNERSHIP, Transport
from monitoring.notifications.inbox import InAppNotice
from monitoring.notifications.notice import ACKNOWLEDGED, RESOLVED, Answer, Notice, NotSent

NAMED = 50  # alerts that a row names
LONGEST_TEXT = 1000
Told = tuple[Notice, list[User]]  # and whom it is new to


class InAppForm(ConfigForm):
    roles = forms.MultipleChoiceField(
        label="Who",
        choices=Role,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Everybody with these roles; none = everybody. People named by an escalation are told by themselves.",
    )


class InApp(Transport):
    label = "In-app"
    icon = "alerts"
    about = "Bell, toast and sound in the pages of AIOps."
    Config = InAppForm
    hears: ClassVar[frozenset[str]] = HEARD_WITH_OWNERSHIP

    @property
    def destination(self) -> str:
        return ", ".join(f"every {role}" for role in self.config.get("roles") or ()) or "everybody"

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        super().__init__(config, secrets)
        self._told: list[Told] = []

    def send(self, notice: Notice) -> Answer:
        people = self._people(notice)
        if not people:
            raise NotSent("there is nobody to tell", permanent=True)
        new = post(notice, people)
        self._told.append((notice, new))
        many = f" of {len(people)}" if len(new) < len(people) else ""
        return self.answer(0, f"told {len(new)}{many}", notice.key)

    def close(self) -> None:
        """Open pages hear of all notices at once, with what is unread then."""
        told, self._told = self._told, []
        if told:
            transaction.on_commit(partial(_tell, told))

    def _people(self, notice: Notice) -> list[User]:
        named = [one.user_id for one in notice.recipients if one.user_id]
        return list(User.objects.filter(is_active=True, pk__in=named)) if named else self._everybody

    @cached_property
    def _everybody(self) -> list[User]:
        rows, roles = User.objects.filter(is_active=True), self.config.get("roles")
        return list(rows.filter(role__in=roles) if roles else rows)


def post(notice: Notice, people: Collection[User]) -> list[User]:
    """Returns those who had not been told before."""
    thread = notice.thread or notice.key
    with transaction.atomic():
        known = set(InAppNotice.objects.filter(key=notice.key, user__in=people).values_list("user_id", flat=True))
        new = [one for one in people if one.pk not in known]
        InAppNotice.objects.filter(user__in=new, thread=thread, read_at=None).update(read_at=timezone.now())
        InAppNotice.objects.bulk_create([_row(notice, one, thread) for one in new], ignore_conflicts=True)
    return new


def _row(notice: Notice, person: User, thread: str) -> InAppNotice:
    return InAppNotice(
        user=person,
        key=notice.key,
        thread=thread,
        kind=notice.kind,
        severity=notice.severity,
        title=notice.title[:300],
        text=notice.text[:LONGEST_TEXT],
        url=here(notice.url),
        alert_ids=notice.alert_ids[:NAMED],
        # Good news and what somebody has in hand wait to be looked for.
        read_at=timezone.now() if notice.kind in (ACKNOWLEDGED, RESOLVED) else None,
    )


def here(url: str) -> str:
    """The address within AIOps; empty for one elsewhere."""
    if settings.PUBLIC_URL and url.startswith(f"{settings.PUBLIC_URL}/"):
        url = url.removeprefix(settings.PUBLIC_URL)
    return url[:500] if url.startswith("/") and not url.startswith("//") else ""


def _tell(told: Collection[Told]) -> None:
    people = {one.pk: one for _, some in told for one in some}.values()
    wishes = inbox.preferences_of(people)
    unread = dict(InAppNotice.objects.filter(user__in=people, read_at=None).values_list("user_id").annotate(Count("pk")))
    publish_many([(f"inbox:{one.pk}", _event(notice, wishes[one.pk], unread.get(one.pk, 0))) for notice, some in told for one in some])


def _event(notice: Notice, wish: inbox.NoticePreference, unread: int) -> dict[str, Any]:
    loud = notice.kind not in (ACKNOWLEDGED, RESOLVED) and wish.wants_toast(notice.severity)
    loud = loud and not wish.is_quiet(notice.severity, timezone.now())
    return {
        "unread": unread,
        "key": notice.key,
        "kind": notice.kind,
        "severity": notice.severity,
        "title": notice.title[:300],
        "url": here(notice.url),
        "toast": loud,
        "sound": loud and wish.sound,
    }
