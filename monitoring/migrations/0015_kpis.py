from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0014_alert_pages")]
    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                fields=[
                    "kind",
                    "fired_at",
                    "severity",
                    "name",
                    "resource",
                    "started_at",
                    "acknowledged_at",
                    "resolved_at",
                    "ownership",
                    "resolution",
                ],
                name="alert_figures",
            ),
        ),
        migrations.AddIndex(
            model_name="alerttransition",
            index=models.Index(
                condition=models.Q(("axis__in", ["suppression", "note"])),
                fields=["axis", "time", "after", "alert"],
                name="transition_quiet",
            ),
        ),
    ]
