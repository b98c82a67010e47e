"""Who is told of which alerts, how and when; what was told; every attempt to tell it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import Role, known_time_zone
from aiops.crypto import EncryptedJSONField
from monitoring.alerts.models import Severity
from monitoring.notifications import checks

DAYS_HELP = "Weekdays on which it holds, 0 = Monday; none = every day."


class Channel(models.Model):
    """A way out: its kind names the plugin (notifications/channels), `config` and `secrets` hold the fields that one declares.
    In its quiet hours it says nothing below `quiet_except`; what would have been said is held until they end."""

    name = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=32)
    enabled = models.BooleanField(default=True)
    config = models.JSONField(default=dict, blank=True)
    secrets: Any = EncryptedJSONField(default=dict, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)  # by time_zone's clock; both or neither
    quiet_to = models.TimeField(null=True, blank=True)
    quiet_days = models.JSONField(default=list, blank=True, help_text=DAYS_HELP)
    quiet_except = models.CharField(max_length=8, choices=Severity, blank=True, default=Severity.CRITICAL)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])

    last_attempt = models.DateTimeField(null=True, blank=True)
    last_success = models.DateTimeField(null=True, blank=True)
    last_answer = models.CharField(max_length=500, blank=True, default="")
    failures = models.PositiveIntegerField(default=0)  # attempts in a row
    dead_since = models.DateTimeField(null=True, blank=True)  # a notice was given up; ends with the next that arrives

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        checks.refuse(checks.hours(self, "quiet"))

    @property
    def status(self) -> str:
        """disabled, dead, failing, waiting (nothing sent yet) or ok."""
        if not self.enabled:
            return "disabled"
        if self.dead_since:
            return "dead"
        return "failing" if self.failures else "ok" if self.last_success else "waiting"


class Schedule(models.Model):
    """Who is on call when. The highest layer that has somebody at a moment counts; overrides lie above all layers."""

    name = models.CharField(max_length=150, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    description = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class ScheduleLayer(models.Model):
    """People who take turns. A shift begins every `shift_hours` by the schedule's clock, or at each occurrence of `rrule`; then it lasts
    `shift_hours`, or until the next one where that is 0. Hours and days narrow it: outside of them nobody of this layer is on call."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="layers")
    name = models.CharField(max_length=150, blank=True, default="")
    position = models.PositiveIntegerField(default=0)  # the higher lies above
    starts_at = models.DateTimeField()  # the first shift's beginning
    ends_at = models.DateTimeField(null=True, blank=True)
    shift_hours = models.PositiveIntegerField(default=168)
    rrule = models.TextField(blank=True, default="")  # RFC 5545, without DTSTART: that is starts_at
    participants = models.JSONField(default=list)  # user ids in the order of their turns
    active_from = models.TimeField(null=True, blank=True)  # by the schedule's clock; both or neither
    active_to = models.TimeField(null=True, blank=True)
    active_days = models.JSONField(default=list, blank=True, help_text=DAYS_HELP)

    class Meta:
        ordering: ClassVar[list[str]] = ["schedule_id", "position", "id"]

    def __str__(self) -> str:
        return self.name or f"layer {self.position + 1}"

    def clean(self) -> None:
        checks.refuse([*checks.hours(self, "active"), *checks.layer(self)])


class ScheduleOverride(models.Model):
    """Somebody stands in for whoever would be on call."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="overrides")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True, default="")
    created_by = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["schedule", "ends_at"], name="override_current")]  # of a time

    def __str__(self) -> str:
        return f"{self.user} {self.starts_at:%Y-%m-%d %H:%M} – {self.ends_at:%Y-%m-%d %H:%M}"

    def clean(self) -> None:
        checks.refuse(checks.override(self))


class EscalationPolicy(models.Model):
    """Who is told next while nobody acknowledges. After the last step it begins again, `repeat` times more."""

    name = models.CharField(max_length=150, unique=True)
    description = models.CharField(max_length=300, blank=True, default="")
    repeat = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class EscalationStep(models.Model):
    """After `wait` seconds, counted from the step before it, it tells one person, role, on-call schedule or channel. Steps with wait 0
    happen together with the one before."""

    class Target(models.TextChoices):
        USER = "user", "A person"
        ROLE = "role", "Everybody with a role"
        SCHEDULE = "schedule", "Whoever is on call"
        CHANNEL = "channel", "A channel"

    policy = models.ForeignKey(EscalationPolicy, models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=0)
    wait = models.PositiveIntegerField("wait, seconds", default=300)
    target = models.CharField(max_length=8, choices=Target, default=Target.SCHEDULE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    role = models.CharField(max_length=20, choices=Role, blank=True, default="")
    schedule = models.ForeignKey(Schedule, models.PROTECT, null=True, blank=True, related_name="steps")
    channel = models.ForeignKey(Channel, models.PROTECT, null=True, blank=True, related_name="steps")

    class Meta:
        ordering: ClassVar[list[str]] = ["policy_id", "position", "id"]

    def __str__(self) -> str:
        return f"{self.policy}: step {self.position + 1}"

    def clean(self) -> None:
        checks.refuse(checks.step(self))

    @property
    def whom(self) -> str:
        told = {"user": self.user, "role": f"every {self.role}", "schedule": f"on call of {self.schedule}", "channel": self.channel}
        return str(told[self.target])


class Route(models.Model):
    """Alerts that all its matchers accept go to its channels, in groups. Routes are asked in their order; the first that takes an alert
    ends that, unless it says `goes_on`."""

    name = models.CharField(max_length=150, unique=True)
    position = models.PositiveIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    matchers = models.JSONField(default=list, blank=True)  # [{"name", "op", "value"}]: labels, alertname, severity, source, kind
    goes_on = models.BooleanField("also ask the routes after it", default=False)
    group_by = models.JSONField(default=list, blank=True)  # labels; ["..."] = each alert by itself, [] = all together
    group_wait = models.PositiveIntegerField("wait for more, seconds", default=15)
    group_interval = models.PositiveIntegerField("between two notices about a group, seconds", default=60)
    repeat_interval = models.PositiveIntegerField("repeat while it goes on, seconds; 0 = never", default=4 * 3600)
    channels = models.ManyToManyField(Channel, blank=True, related_name="routes")
    policy = models.ForeignKey(EscalationPolicy, models.PROTECT, null=True, blank=True, related_name="routes")
    tells_resolved = models.BooleanField("also say when it is over", default=True)
    active_from = models.TimeField(null=True, blank=True)  # outside of these hours it takes nothing; both or neither
    active_to = models.TimeField(null=True, blank=True)
    active_days = models.JSONField(default=list, blank=True, help_text=DAYS_HELP)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        checks.refuse([*checks.hours(self, "active"), *checks.route(self)])


class ContactMethod(models.Model):
    """One more way to reach a person, beside the e-mail and the bell everybody has: a channel, and who they are there."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="contact_methods")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="contact_methods")
    address = models.CharField(max_length=300, blank=True, default="")  # a member id, a number; empty: the e-mail address
    severity_from = models.CharField(max_length=8, choices=Severity, default=Severity.LOW)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "channel", "address"], name="one_contact_per_user_and_channel")
        ]

    def __str__(self) -> str:
        return f"{self.user} by {self.channel}"


class NotificationGroup(models.Model):
    """Alerts of one route that are told together, from the first to the end of the last. `due_at` is the earliest of what follows it."""

    route = models.ForeignKey(Route, models.SET_NULL, null=True, related_name="groups")
    route_name = models.CharField(max_length=150, blank=True, default="")
    key = models.CharField(max_length=32)  # of route and labels
    labels = models.JSONField(default=dict, blank=True)  # {str: str}: what its alerts have in common
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    incident = models.BigIntegerField(null=True, blank=True)  # id
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    tell_at = models.DateTimeField(null=True, blank=True)  # something changed, and is told then
    repeat_at = models.DateTimeField(null=True, blank=True)
    step_at = models.DateTimeField(null=True, blank=True)  # the next step of the escalation
    step = models.PositiveIntegerField(default=0)  # its place among the policy's steps
    round = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True, blank=True)  # the latest notice
    messages_count = models.PositiveIntegerField(default=0)
    firing = models.PositiveIntegerField(default=0)  # as of the latest look
    acknowledged = models.BooleanField(default=False)  # all of it; ends repeats and escalation

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key"], condition=Q(closed_at=None), name="one_open_group_per_key")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=Q(closed_at=None), name="group_due"),  # every second
            models.Index(fields=["-opened_at"], name="group_opened"),  # the list
            models.Index(fields=["closed_at"], name="group_closed"),  # expiry
        ]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.labels.items()) or self.route_name

    @property
    def thread(self) -> str:
        """Known to receivers: no other group has it, of whatever installation or after a database was begun anew."""
        return f"aiops-{self.pk}-{int(self.opened_at.timestamp() * 1000):x}"


class GroupAlert(models.Model):
    """An alert within a group: what has been told of it there."""

    class Told(models.TextChoices):
        NOTHING = "", "Nothing yet"
        FIRING = "firing"
        RESOLVED = "resolved"

    group = models.ForeignKey(NotificationGroup, models.CASCADE, related_name="members")
    alert = models.ForeignKey("monitoring.Alert", models.CASCADE, related_name="notification_groups")
    added_at = models.DateTimeField(default=timezone.now)
    told = models.CharField(max_length=8, choices=Told, blank=True, default=Told.NOTHING)
    again = models.BooleanField(default=False)  # to be told anew: a silence over it has ended, or it became worse
    over_at = models.DateTimeField(null=True, blank=True)  # it was over and nothing more is to be told

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["group", "alert"], name="one_place_per_group_and_alert")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["group"], condition=Q(over_at=None), name="group_members_open"),  # each notice
            models.Index(fields=["alert"], condition=Q(over_at=None), name="group_of_alert"),  # each transition
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} in {self.group_id}"


class Message(models.Model):
    """One thing said about a group, or a test: what its deliveries carry."""

    group = models.ForeignKey(NotificationGroup, models.CASCADE, null=True, blank=True, related_name="messages")
    number = models.PositiveIntegerField(default=1)  # within its group
    kind = models.CharField(max_length=16)  # as Notice.kind
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    title = models.CharField(max_length=300)
    content = models.JSONField()  # the notice, see notice.to_json
    alert_ids = models.JSONField(default=list, blank=True)  # those it was written for, at most checks.NAMED
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["group", "number"], condition=Q(group__isnull=False), name="one_message_per_group_and_number")
        ]

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """A message on its way to one channel, or over it to one person. Whoever holds the lease sends; of one thread the oldest goes first."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"  # will be tried again
        DEAD = "dead"  # given up
        SKIPPED = "skipped"  # not needed any more: see last_answer

    key = models.CharField(max_length=120, unique=True)  # group:number:channel:person
    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, related_name="deliveries")
    channel_name = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    recipient = models.CharField(max_length=300, blank=True, default="")  # the person's name or address; empty: the channel itself
    address = models.CharField(max_length=300, blank=True, default="")
    thread = models.CharField(max_length=80)  # group:channel:person
    why = models.CharField(max_length=300, blank=True, default="")  # the route, or the escalation's step
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    attempts_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    held_until = models.DateTimeField(null=True, blank=True)  # by quiet hours
    lease = models.CharField(max_length=36, blank=True, default="")
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)  # sent, dead or skipped; None as long as it is pending or failed
    last_answer = models.CharField(max_length=500, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar[list[models.Index]] = [
            # what is due of a channel, the oldest first; by a condition without a value, which SQLite sees to hold before it knows values
            models.Index(fields=["channel", "next_attempt_at", "id"], condition=Q(ended_at=None), name="delivery_open"),
            models.Index(fields=["thread", "id"], name="delivery_thread"),  # what goes before it
            models.Index(fields=["-created_at"], name="delivery_created"),  # the list
            models.Index(fields=["channel", "-id"], name="delivery_channel"),  # of one channel
            models.Index(fields=["status", "-id"], name="delivery_status"),  # those that are dead
        ]

    def __str__(self) -> str:
        return f"{self.channel_name}: {self.message_id}"


class DeliveryAttempt(models.Model):
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    took_ms = models.FloatField(default=0.0)
    ok = models.BooleanField(default=False)
    status = models.IntegerField(default=0)  # HTTP or SMTP code
    answer = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering: ClassVar[list[str]] = ["delivery_id", "id"]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class Cursor(models.Model):
    """How far a reader of AlertTransition has come."""

    name = models.CharField(max_length=32, primary_key=True)
    position = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


def page(name: str, *args: Any) -> str:
    """The address of a page, empty where it is not there; absolute where AIOPS_URL is set."""
    try:
        return f"{settings.PUBLIC_URL}{reverse(name, args=args)}"
    except NoReverseMatch:
        return ""
