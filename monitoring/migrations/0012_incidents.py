import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0011_notifications"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=300)),
                ("named", models.BooleanField(default=False)),
                (
                    "severity",
                    models.CharField(
                        choices=[("critical", "Critical"), ("high", "High"), ("medium", "Medium"), ("low", "Low")],
                        default="medium",
                        max_length=8,
                    ),
                ),
                ("rated", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("acknowledged", "Acknowledged"),
                            ("investigating", "Investigating"),
                            ("mitigated", "Mitigated"),
                            ("resolved", "Resolved"),
                        ],
                        default="open",
                        max_length=13,
                    ),
                ),
                ("manual", models.BooleanField(default=False)),
                ("arranged", models.BooleanField(default=False)),
                ("services", models.JSONField(blank=True, default=list)),
                ("alert_count", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("detected_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_alert_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("mitigated_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[("recovered", "Recovered"), ("manual", "Manual"), ("merged", "Merged")],
                        default="",
                        max_length=9,
                    ),
                ),
                ("notes_md", models.TextField(blank=True, default="")),
                (
                    "commander",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="incidents",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="merged", to="monitoring.incident"
                    ),
                ),
                (
                    "root_alert",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="monitoring.alert"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IncidentAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("root", "Root"), ("symptom", "Symptom"), ("member", "Member")], default="member", max_length=8
                    ),
                ),
                ("relation", models.CharField(blank=True, default="", max_length=16)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("joined_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("actor", models.CharField(blank=True, default="system", max_length=200)),
                (
                    "alert",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="monitoring.alert"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="members", to="monitoring.incident"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IncidentKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=250)),
                ("seen_at", models.DateTimeField()),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="monitoring.incident"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StatusChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time", models.DateTimeField(default=django.utils.timezone.now)),
                ("before", models.CharField(blank=True, default="", max_length=13)),
                ("after", models.CharField(max_length=13)),
                ("reason", models.TextField(blank=True, default="")),
                ("actor", models.CharField(blank=True, default="system", max_length=200)),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="status_changes", to="monitoring.incident"
                    ),
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
            name="TakenOut",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(blank=True, default="system", max_length=200)),
                ("time", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "alert",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="taken_out", to="monitoring.alert"),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="monitoring.incident"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TimelineEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("time", models.DateTimeField(default=django.utils.timezone.now)),
                ("kind", models.CharField(max_length=16)),
                ("text", models.TextField()),
                ("actor", models.CharField(blank=True, default="system", max_length=200)),
                ("url", models.CharField(blank=True, default="", max_length=500)),
                ("data", models.JSONField(blank=True, default=dict)),
                ("key", models.CharField(blank=True, default="", max_length=200)),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="timeline", to="monitoring.incident"
                    ),
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
            name="Dependency",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(default="needs", max_length=32)),
                ("source", models.CharField(blank=True, default="", max_length=100)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "from_resource",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="needs", to="monitoring.resource"),
                ),
                (
                    "to_resource",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="needed_by", to="monitoring.resource"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("from_resource", "to_resource", "kind"), name="one_dependency_per_pair_and_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("from_resource", models.F("to_resource")), _negated=True), name="nothing_needs_itself"
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["status", "-detected_at"], name="incident_status"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["-detected_at"], name="incident_detected"),
        ),
        migrations.AddIndex(
            model_name="incidentalert",
            index=models.Index(fields=["incident", "role"], name="member_incident"),
        ),
        migrations.AddConstraint(
            model_name="incidentalert",
            constraint=models.UniqueConstraint(fields=("alert",), name="one_incident_per_alert"),
        ),
        migrations.AddIndex(
            model_name="incidentkey",
            index=models.Index(fields=["key", "seen_at"], name="incident_key"),
        ),
        migrations.AddConstraint(
            model_name="incidentkey",
            constraint=models.UniqueConstraint(fields=("incident", "key"), name="one_key_per_incident"),
        ),
        migrations.AddIndex(
            model_name="statuschange",
            index=models.Index(fields=["incident", "id"], name="status_change_incident"),
        ),
        migrations.AddIndex(
            model_name="statuschange",
            index=models.Index(fields=["time"], name="status_change_time"),
        ),
        migrations.AddIndex(
            model_name="timelineentry",
            index=models.Index(fields=["incident", "-time"], name="timeline_incident"),
        ),
        migrations.AddConstraint(
            model_name="timelineentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True), fields=("incident", "key"), name="told_once_per_incident"
            ),
        ),
    ]
