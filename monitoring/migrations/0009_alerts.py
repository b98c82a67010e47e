import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0008_demo"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(default=0)),
                ("name", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=210)),
                ("kind", models.CharField(choices=[("alert", "Alert"), ("record", "Record")], default="alert", max_length=6)),
                ("expr", models.TextField()),
                ("for_seconds", models.PositiveIntegerField(default=0)),
                ("keep_firing_for", models.PositiveIntegerField(default=0)),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                        default="medium",
                        max_length=8,
                    ),
                ),
                ("labels", models.JSONField(blank=True, default=dict)),
                ("annotations", models.JSONField(blank=True, default=dict)),
                ("runbook_url", models.CharField(blank=True, default="", max_length=500)),
                ("enabled", models.BooleanField(default=True)),
                ("immediate", models.BooleanField(default=False)),
                ("locked", models.BooleanField(default=False)),
                ("last_evaluated", models.DateTimeField(blank=True, null=True)),
                ("last_duration_ms", models.FloatField(blank=True, null=True)),
                ("last_lag_ms", models.FloatField(blank=True, null=True)),
                ("last_error", models.TextField(blank=True, default="")),
                ("last_series", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["group_id", "position", "id"],
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fingerprint", models.CharField(max_length=64)),
                ("source", models.CharField(default="rule", max_length=32)),
                ("name", models.CharField(max_length=200)),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                        default="medium",
                        max_length=8,
                    ),
                ),
                ("labels", models.JSONField(blank=True, default=dict)),
                ("annotations", models.JSONField(blank=True, default=dict)),
                (
                    "kind",
                    models.CharField(
                        choices=[("real", "Real"), ("anomaly", "Anomaly"), ("predictive", "Predictive")], default="real", max_length=12
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("firing", "Firing"), ("resolved", "Resolved")], default="pending", max_length=8
                    ),
                ),
                (
                    "ownership",
                    models.CharField(
                        choices=[("new", "New"), ("acknowledged", "Acknowledged"), ("in_progress", "In Progress")],
                        default="new",
                        max_length=12,
                    ),
                ),
                ("value", models.FloatField(blank=True, null=True)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("fired_at", models.DateTimeField(blank=True, null=True)),
                ("absent_since", models.DateTimeField(blank=True, null=True)),
                ("observed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[("recovered", "Recovered"), ("manual", "Manual"), ("expired", "Expired"), ("source", "Source")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("flapping", models.BooleanField(default=False)),
                ("fires", models.JSONField(blank=True, default=list)),
                ("reopened", models.PositiveIntegerField(default=0)),
                ("evidence", models.JSONField(blank=True, default=dict)),
                ("suppressed_by", models.JSONField(blank=True, default=list)),
                ("suppressed", models.BooleanField(default=False)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="alerts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="alerts", to="monitoring.resource"
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="alerts",
                        to="monitoring.alertrule",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "axis",
                    models.CharField(
                        choices=[
                            ("state", "State"),
                            ("ownership", "Ownership"),
                            ("suppression", "Suppression"),
                            ("severity", "Severity"),
                            ("note", "Note"),
                        ],
                        max_length=12,
                    ),
                ),
                ("before", models.CharField(blank=True, default="", max_length=200)),
                ("after", models.CharField(blank=True, default="", max_length=200)),
                ("reason", models.TextField(blank=True, default="")),
                ("actor", models.CharField(blank=True, default="system", max_length=200)),
                (
                    "alert",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="transitions", to="monitoring.alert"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RuleGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("file", models.CharField(blank=True, default="", max_length=300)),
                ("interval", models.PositiveIntegerField(default=15, verbose_name="interval, seconds")),
                (
                    "source",
                    models.CharField(choices=[("ui", "Made here"), ("file", "Rule file"), ("pack", "Shipped")], default="ui", max_length=8),
                ),
                ("locked", models.BooleanField(default=False)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lease", models.CharField(blank=True, default="", max_length=36)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("last_evaluated", models.DateTimeField(blank=True, null=True)),
                ("last_duration_ms", models.FloatField(blank=True, null=True)),
                ("last_lag_ms", models.FloatField(blank=True, null=True)),
                ("missed", models.PositiveIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["due_at"], name="rule_group_due")],
                "constraints": [models.UniqueConstraint(fields=("file", "name"), name="one_rule_group_per_file_and_name")],
            },
        ),
        migrations.AddField(
            model_name="alertrule",
            name="group",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="rules", to="monitoring.rulegroup"),
        ),
        migrations.CreateModel(
            name="Silence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("matchers", models.JSONField()),
                (
                    "kind",
                    models.CharField(choices=[("silence", "Silence"), ("maintenance", "Maintenance")], default="silence", max_length=12),
                ),
                ("reason", models.TextField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("rrule", models.TextField(blank=True, default="")),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, default="", max_length=200)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["fingerprint", "resolved_at"], name="alert_history"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["state", "-fired_at"], name="alert_state"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["-fired_at"], name="alert_fired"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["resource", "state"], name="alert_resource"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["rule", "state"], name="alert_rule"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(condition=models.Q(("state", "resolved"), _negated=True), fields=["severity"], name="alert_open_severity"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "resolved"), _negated=True), fields=("fingerprint",), name="one_open_alert_per_fingerprint"
            ),
        ),
        migrations.AddIndex(
            model_name="alerttransition",
            index=models.Index(fields=["alert", "id"], name="transition_alert"),
        ),
        migrations.AddIndex(
            model_name="alerttransition",
            index=models.Index(fields=["time"], name="transition_time"),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.UniqueConstraint(fields=("group", "key"), name="one_rule_per_group_and_key"),
        ),
        migrations.AddIndex(
            model_name="silence",
            index=models.Index(fields=["ended_at", "ends_at"], name="silence_current"),
        ),
    ]
