from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts.models import known_time_zone
from aiops.crypto import EncryptedJSONField

SEVERITIES = [("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")]
ID = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))

inbox = [
    migrations.CreateModel(
        name="InAppNotice",
        fields=[
            ID,
            ("key", models.CharField(max_length=200)),
            ("thread", models.CharField(blank=True, default="", max_length=200)),
            ("kind", models.CharField(max_length=16)),
            ("severity", models.CharField(choices=SEVERITIES, default="medium", max_length=8)),
            ("title", models.CharField(max_length=300)),
            ("text", models.TextField(blank=True, default="")),
            ("url", models.CharField(blank=True, default="", max_length=500)),
            ("alert_ids", models.JSONField(blank=True, default=list)),
            ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ("read_at", models.DateTimeField(blank=True, null=True)),
            (
                "user",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="in_app_notices", to=settings.AUTH_USER_MODEL),
            ),
        ],
        options={
            "indexes": [
                models.Index(fields=["user", "-created_at"], name="in_app_of_user"),
                models.Index(fields=["user"], condition=models.Q(("read_at", None)), name="in_app_unread"),
            ],
            "constraints": [models.UniqueConstraint(fields=("user", "key"), name="one_in_app_notice_per_user_and_key")],
        },
    ),
    migrations.CreateModel(
        name="NoticePreference",
        fields=[
            ID,
            ("toast_from", models.CharField(blank=True, choices=SEVERITIES, default="high", max_length=8)),
            ("sound", models.BooleanField(default=False)),
            ("email_from", models.CharField(blank=True, choices=SEVERITIES, default="low", max_length=8)),
            ("quiet_from", models.TimeField(blank=True, null=True)),
            ("quiet_to", models.TimeField(blank=True, null=True)),
            ("quiet_except", models.CharField(blank=True, choices=SEVERITIES, default="critical", max_length=8)),
            (
                "user",
                models.OneToOneField(
                    on_delete=django.db.models.deletion.CASCADE, related_name="notice_preference", to=settings.AUTH_USER_MODEL
                ),
            ),
        ],
    ),
]


engine = [
    migrations.CreateModel(
        name="Channel",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=150, unique=True)),
            ("kind", models.CharField(max_length=32)),
            ("enabled", models.BooleanField(default=True)),
            ("config", models.JSONField(blank=True, default=dict)),
            ("secrets", EncryptedJSONField(blank=True, default=dict)),
            ("quiet_from", models.TimeField(blank=True, null=True)),
            ("quiet_to", models.TimeField(blank=True, null=True)),
            (
                "quiet_days",
                models.JSONField(blank=True, default=list, help_text="Weekdays on which it holds, 0 = Monday; none = every day."),
            ),
            (
                "quiet_except",
                models.CharField(
                    blank=True,
                    choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                    default="critical",
                    max_length=8,
                ),
            ),
            ("time_zone", models.CharField(default="UTC", max_length=64, validators=[known_time_zone])),
            ("last_attempt", models.DateTimeField(blank=True, null=True)),
            ("last_success", models.DateTimeField(blank=True, null=True)),
            ("last_answer", models.CharField(blank=True, default="", max_length=500)),
            ("failures", models.PositiveIntegerField(default=0)),
            ("dead_since", models.DateTimeField(blank=True, null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Cursor",
        fields=[
            ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
            ("position", models.BigIntegerField(default=0)),
            ("moved_at", models.DateTimeField(default=django.utils.timezone.now)),
        ],
    ),
    migrations.CreateModel(
        name="EscalationPolicy",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=150, unique=True)),
            ("description", models.CharField(blank=True, default="", max_length=300)),
            ("repeat", models.PositiveSmallIntegerField(default=0)),
        ],
    ),
    migrations.CreateModel(
        name="Message",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("number", models.PositiveIntegerField(default=1)),
            ("kind", models.CharField(max_length=16)),
            (
                "severity",
                models.CharField(
                    choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                    default="medium",
                    max_length=8,
                ),
            ),
            ("title", models.CharField(max_length=300)),
            ("content", models.JSONField()),
            ("alert_ids", models.JSONField(blank=True, default=list)),
            ("at", models.DateTimeField(default=django.utils.timezone.now)),
        ],
    ),
    migrations.CreateModel(
        name="NotificationGroup",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("route_name", models.CharField(blank=True, default="", max_length=150)),
            ("key", models.CharField(max_length=32)),
            ("labels", models.JSONField(blank=True, default=dict)),
            (
                "severity",
                models.CharField(
                    choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                    default="medium",
                    max_length=8,
                ),
            ),
            ("incident", models.BigIntegerField(blank=True, null=True)),
            ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
            ("closed_at", models.DateTimeField(blank=True, null=True)),
            ("due_at", models.DateTimeField(blank=True, null=True)),
            ("tell_at", models.DateTimeField(blank=True, null=True)),
            ("repeat_at", models.DateTimeField(blank=True, null=True)),
            ("step_at", models.DateTimeField(blank=True, null=True)),
            ("step", models.PositiveIntegerField(default=0)),
            ("round", models.PositiveIntegerField(default=0)),
            ("told_at", models.DateTimeField(blank=True, null=True)),
            ("messages_count", models.PositiveIntegerField(default=0)),
            ("firing", models.PositiveIntegerField(default=0)),
            ("acknowledged", models.BooleanField(default=False)),
        ],
    ),
    migrations.CreateModel(
        name="Schedule",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=150, unique=True)),
            ("time_zone", models.CharField(default="UTC", max_length=64, validators=[known_time_zone])),
            ("description", models.CharField(blank=True, default="", max_length=300)),
        ],
    ),
    migrations.CreateModel(
        name="Delivery",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("key", models.CharField(max_length=120, unique=True)),
            ("channel_name", models.CharField(max_length=150)),
            ("recipient", models.CharField(blank=True, default="", max_length=300)),
            ("address", models.CharField(blank=True, default="", max_length=300)),
            ("thread", models.CharField(max_length=80)),
            ("why", models.CharField(blank=True, default="", max_length=300)),
            (
                "status",
                models.CharField(
                    choices=[("pending", "Pending"), ("sent", "Sent"), ("failed", "Failed"), ("dead", "Dead"), ("skipped", "Skipped")],
                    default="pending",
                    max_length=8,
                ),
            ),
            ("attempts_count", models.PositiveSmallIntegerField(default=0)),
            ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
            ("held_until", models.DateTimeField(blank=True, null=True)),
            ("lease", models.CharField(blank=True, default="", max_length=36)),
            ("leased_until", models.DateTimeField(blank=True, null=True)),
            ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ("ended_at", models.DateTimeField(blank=True, null=True)),
            ("last_answer", models.CharField(blank=True, default="", max_length=500)),
            ("external_id", models.CharField(blank=True, default="", max_length=200)),
            (
                "channel",
                models.ForeignKey(
                    null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="deliveries", to="monitoring.channel"
                ),
            ),
            (
                "user",
                models.ForeignKey(
                    blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                ),
            ),
            ("message", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="monitoring.message")),
        ],
        options={
            "verbose_name_plural": "deliveries",
        },
    ),
    migrations.CreateModel(
        name="DeliveryAttempt",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("number", models.PositiveSmallIntegerField()),
            ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ("took_ms", models.FloatField(default=0.0)),
            ("ok", models.BooleanField(default=False)),
            ("status", models.IntegerField(default=0)),
            ("answer", models.CharField(blank=True, default="", max_length=500)),
            ("delivery", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="monitoring.delivery")),
        ],
        options={
            "ordering": ["delivery_id", "id"],
        },
    ),
    migrations.AddField(
        model_name="message",
        name="group",
        field=models.ForeignKey(
            blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="monitoring.notificationgroup"
        ),
    ),
    migrations.CreateModel(
        name="GroupAlert",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
            (
                "told",
                models.CharField(
                    blank=True, choices=[("", "Nothing yet"), ("firing", "Firing"), ("resolved", "Resolved")], default="", max_length=8
                ),
            ),
            ("again", models.BooleanField(default=False)),
            ("over_at", models.DateTimeField(blank=True, null=True)),
            (
                "alert",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="notification_groups", to="monitoring.alert"),
            ),
            (
                "group",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="members", to="monitoring.notificationgroup"),
            ),
        ],
    ),
    migrations.CreateModel(
        name="Route",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=150, unique=True)),
            ("position", models.PositiveIntegerField(default=0)),
            ("enabled", models.BooleanField(default=True)),
            ("matchers", models.JSONField(blank=True, default=list)),
            ("goes_on", models.BooleanField(default=False, verbose_name="also ask the routes after it")),
            ("group_by", models.JSONField(blank=True, default=list)),
            ("group_wait", models.PositiveIntegerField(default=15, verbose_name="wait for more, seconds")),
            ("group_interval", models.PositiveIntegerField(default=60, verbose_name="between two notices about a group, seconds")),
            ("repeat_interval", models.PositiveIntegerField(default=14400, verbose_name="repeat while it goes on, seconds; 0 = never")),
            ("tells_resolved", models.BooleanField(default=True, verbose_name="also say when it is over")),
            ("active_from", models.TimeField(blank=True, null=True)),
            ("active_to", models.TimeField(blank=True, null=True)),
            (
                "active_days",
                models.JSONField(blank=True, default=list, help_text="Weekdays on which it holds, 0 = Monday; none = every day."),
            ),
            ("time_zone", models.CharField(default="UTC", max_length=64, validators=[known_time_zone])),
            ("channels", models.ManyToManyField(blank=True, related_name="routes", to="monitoring.channel")),
            (
                "policy",
                models.ForeignKey(
                    blank=True,
                    null=True,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="routes",
                    to="monitoring.escalationpolicy",
                ),
            ),
        ],
        options={
            "ordering": ["position", "id"],
        },
    ),
    migrations.AddField(
        model_name="notificationgroup",
        name="route",
        field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="groups", to="monitoring.route"),
    ),
    migrations.CreateModel(
        name="EscalationStep",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("position", models.PositiveIntegerField(default=0)),
            ("wait", models.PositiveIntegerField(default=300, verbose_name="wait, seconds")),
            (
                "target",
                models.CharField(
                    choices=[
                        ("user", "A person"),
                        ("role", "Everybody with a role"),
                        ("schedule", "Whoever is on call"),
                        ("channel", "A channel"),
                    ],
                    default="schedule",
                    max_length=8,
                ),
            ),
            (
                "role",
                models.CharField(
                    blank=True, choices=[("viewer", "Viewer"), ("operator", "Operator"), ("admin", "Admin")], default="", max_length=20
                ),
            ),
            (
                "channel",
                models.ForeignKey(
                    blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="monitoring.channel"
                ),
            ),
            (
                "policy",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="monitoring.escalationpolicy"),
            ),
            (
                "user",
                models.ForeignKey(
                    blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                ),
            ),
            (
                "schedule",
                models.ForeignKey(
                    blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="monitoring.schedule"
                ),
            ),
        ],
        options={
            "ordering": ["policy_id", "position", "id"],
        },
    ),
    migrations.CreateModel(
        name="ScheduleLayer",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(blank=True, default="", max_length=150)),
            ("position", models.PositiveIntegerField(default=0)),
            ("starts_at", models.DateTimeField()),
            ("ends_at", models.DateTimeField(blank=True, null=True)),
            ("shift_hours", models.PositiveIntegerField(default=168)),
            ("rrule", models.TextField(blank=True, default="")),
            ("participants", models.JSONField(default=list)),
            ("active_from", models.TimeField(blank=True, null=True)),
            ("active_to", models.TimeField(blank=True, null=True)),
            (
                "active_days",
                models.JSONField(blank=True, default=list, help_text="Weekdays on which it holds, 0 = Monday; none = every day."),
            ),
            ("schedule", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="layers", to="monitoring.schedule")),
        ],
        options={
            "ordering": ["schedule_id", "position", "id"],
        },
    ),
    migrations.CreateModel(
        name="ScheduleOverride",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("starts_at", models.DateTimeField()),
            ("ends_at", models.DateTimeField()),
            ("reason", models.CharField(blank=True, default="", max_length=300)),
            ("created_by", models.CharField(blank=True, default="", max_length=200)),
            ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            (
                "schedule",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="overrides", to="monitoring.schedule"),
            ),
            ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
        ],
    ),
    migrations.CreateModel(
        name="ContactMethod",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("address", models.CharField(blank=True, default="", max_length=300)),
            (
                "severity_from",
                models.CharField(
                    choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")], default="low", max_length=8
                ),
            ),
            (
                "channel",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="contact_methods", to="monitoring.channel"),
            ),
            (
                "user",
                models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="contact_methods", to=settings.AUTH_USER_MODEL),
            ),
        ],
        options={
            "constraints": [models.UniqueConstraint(fields=("user", "channel", "address"), name="one_contact_per_user_and_channel")],
        },
    ),
    migrations.AddIndex(
        model_name="delivery",
        index=models.Index(
            condition=models.Q(("status__in", ("pending", "failed"))), fields=["channel", "next_attempt_at", "id"], name="delivery_due"
        ),
    ),
    migrations.AddIndex(
        model_name="delivery",
        index=models.Index(fields=["thread", "id"], name="delivery_thread"),
    ),
    migrations.AddIndex(
        model_name="delivery",
        index=models.Index(fields=["-created_at"], name="delivery_created"),
    ),
    migrations.AddIndex(
        model_name="delivery",
        index=models.Index(fields=["channel", "-id"], name="delivery_channel"),
    ),
    migrations.AddIndex(
        model_name="delivery",
        index=models.Index(fields=["status", "-id"], name="delivery_status"),
    ),
    migrations.AddConstraint(
        model_name="message",
        constraint=models.UniqueConstraint(
            condition=models.Q(("group__isnull", False)), fields=("group", "number"), name="one_message_per_group_and_number"
        ),
    ),
    migrations.AddIndex(
        model_name="groupalert",
        index=models.Index(condition=models.Q(("over_at", None)), fields=["group"], name="group_members_open"),
    ),
    migrations.AddIndex(
        model_name="groupalert",
        index=models.Index(condition=models.Q(("over_at", None)), fields=["alert"], name="group_of_alert"),
    ),
    migrations.AddConstraint(
        model_name="groupalert",
        constraint=models.UniqueConstraint(fields=("group", "alert"), name="one_place_per_group_and_alert"),
    ),
    migrations.AddIndex(
        model_name="notificationgroup",
        index=models.Index(condition=models.Q(("closed_at", None)), fields=["due_at"], name="group_due"),
    ),
    migrations.AddIndex(
        model_name="notificationgroup",
        index=models.Index(fields=["-opened_at"], name="group_opened"),
    ),
    migrations.AddIndex(
        model_name="notificationgroup",
        index=models.Index(fields=["closed_at"], name="group_closed"),
    ),
    migrations.AddConstraint(
        model_name="notificationgroup",
        constraint=models.UniqueConstraint(condition=models.Q(("closed_at", None)), fields=("key",), name="one_open_group_per_key"),
    ),
    migrations.AddIndex(
        model_name="scheduleoverride",
        index=models.Index(fields=["schedule", "ends_at"], name="override_current"),
    ),
]


def begin_here(apps: Any, schema_editor: Any) -> None:
    """What happened before there were notifications is not told."""
    newest = apps.get_model("monitoring", "AlertTransition").objects.order_by("-id").values_list("id", flat=True).first() or 0
    apps.get_model("monitoring", "Cursor").objects.update_or_create(name="notifications", defaults={"position": newest})


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0012_incidents"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [*inbox, *engine, migrations.RunPython(begin_here, migrations.RunPython.noop)]
