import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0005_measurements")]

    operations = [
        migrations.AddField("source", "cursor", models.BigIntegerField(blank=True, null=True)),
        migrations.CreateModel(
            name="Target",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=500)),
                ("labels", models.JSONField(blank=True, default=dict)),
                ("up", models.BooleanField(null=True)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("asked_at", models.DateTimeField(null=True)),
                ("changed_at", models.DateTimeField(null=True)),
                ("duration_ms", models.FloatField(null=True)),
                ("samples", models.PositiveIntegerField(default=0)),
                (
                    "source",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="targets", to="monitoring.source"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("source", "address"), name="one_target_per_source_and_address")],
            },
        ),
    ]
