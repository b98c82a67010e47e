"""Inside AIOps: a row per person behind the bell, told live to whoever has a page open."""

from collections.abc import Collection
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

    def send(self, notice: Notice) -> Answer:
        people = self._people(notice)
        if not people:
            raise NotSent("there is nobody to tell", permanent=True)
        told = post(notice, people)
        return self.answer(0, f"told {told} of {len(people)}" if told < len(people) else f"told {told}", notice.key)

    def _people(self, notice: Notice) -> list[User]:
        named = [one.user_id for one in notice.recipients if one.user_id]
        rows = User.objects.filter(is_active=True)
        if named:
            return list(rows.filter(pk__in=named))
        roles = self.config.get("roles")
        return list(rows.filter(role__in=roles) if roles else rows)


def post(notice: Notice, people: Collection[User]) -> int:
    """Returns how many had not been told before."""
    thread = notice.thread or notice.key
    with transaction.atomic():
        known = set(InAppNotice.objects.filter(key=notice.key, user__in=people).values_list("user_id", flat=True))
        new = [one for one in people if one.pk not in known]
        earlier = InAppNotice.objects.filter(user__in=new, thread=thread, read_at=None)
        earlier.update(read_at=timezone.now())
        InAppNotice.objects.filter(user__in=new, created_at__lt=timezone.now() - inbox.KEPT).delete()
        InAppNotice.objects.bulk_create([_row(notice, one, thread) for one in new], ignore_conflicts=True)
        transaction.on_commit(lambda: _tell(notice, new))
    return len(new)


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


def _tell(notice: Notice, people: Collection[User]) -> None:
    wishes = inbox.preferences_of(people)
    unread = dict(InAppNotice.objects.filter(user__in=people, read_at=None).values_list("user_id").annotate(Count("pk")))
    publish_many([(f"inbox:{one.pk}", _event(notice, wishes[one.pk], unread.get(one.pk, 0))) for one in people])


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
