"""What a person is told inside AIOps: the rows behind the bell, and how that person wants to be told."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from monitoring.alerts.models import RANKS, Severity

KEPT = timedelta(days=30)


class InAppNotice(models.Model):
    """One notice to one person. `key` is the delivery's: the same notice handed over twice is one row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="in_app_notices")
    key = models.CharField(max_length=200)
    thread = models.CharField(max_length=200, blank=True, default="")  # the next notice of it takes this one's place among the unread
    kind = models.CharField(max_length=16)  # as Notice.kind: firing, resolved, acknowledged, escalation, test
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True, default="")
    url = models.CharField(max_length=500, blank=True, default="")  # within AIOps
    alert_ids = models.JSONField(default=list, blank=True)  # the first ones it speaks of
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "key"], name="one_in_app_notice_per_user_and_key")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-created_at"], name="in_app_of_user"),  # the bell's list
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="in_app_unread"),  # its count
        ]

    def __str__(self) -> str:
        return self.title


class NoticePreference(models.Model):
    """How one person wants to hear. Without a row the defaults hold."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_preference")
    toast_from = models.CharField(max_length=8, choices=Severity, blank=True, default=Severity.HIGH)  # empty: no toasts
    sound = models.BooleanField(default=False)
    email_from = models.CharField(max_length=8, choices=Severity, blank=True, default=Severity.LOW)  # empty: no mails to this person
    quiet_from = models.TimeField(null=True, blank=True)  # by the person's clock; both or neither
    quiet_to = models.TimeField(null=True, blank=True)
    quiet_except = models.CharField(max_length=8, choices=Severity, blank=True, default=Severity.CRITICAL)  # this and worse are told anyway

    def __str__(self) -> str:
        return f"preferences of {self.user}"

    def wants_mail(self, severity: str) -> bool:
        return reaches(severity, self.email_from)

    def wants_toast(self, severity: str) -> bool:
        return reaches(severity, self.toast_from)

    def is_quiet(self, severity: str, now: datetime) -> bool:
        """Whether a notice of this severity has to leave the person alone now."""
        if self.quiet_from is None or self.quiet_to is None or reaches(severity, self.quiet_except):
            return False
        return _within(now.astimezone(ZoneInfo(self.user.time_zone)).time(), self.quiet_from, self.quiet_to)


def reaches(severity: str, threshold: str) -> bool:
    """False for no threshold."""
    return bool(threshold) and RANKS.get(severity, 0) >= RANKS[threshold]


def _within(moment: time, start: time, end: time) -> bool:
    return start <= moment < end if start <= end else moment >= start or moment < end


def preferences_of(users: Collection[Any]) -> dict[int, NoticePreference]:
    """By the user's id, of everybody given; one query."""
    known = {one.user_id: one for one in NoticePreference.objects.filter(user__in=users).select_related("user")}
    return {user.pk: known.get(user.pk) or NoticePreference(user=user) for user in users}


def unread(user: Any) -> QuerySet[InAppNotice]:
    return InAppNotice.objects.filter(user=user, read_at=None)


def old() -> QuerySet[InAppNotice]:
    return InAppNotice.objects.filter(created_at__lt=timezone.now() - KEPT)


def mark_read(user: Any, ids: Collection[int] | None = None) -> int:
    """Those of the person's that are named, all with None. Returns how many were unread until now."""
    rows = unread(user) if ids is None else unread(user).filter(pk__in=ids)
    return rows.update(read_at=timezone.now())
