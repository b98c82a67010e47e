from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0015_kpis")]

    operations = [
        migrations.AddField("alertrule", "clears_at", models.FloatField(blank=True, null=True)),
        migrations.AddField(
            "alertrule",
            "without_data",
            models.CharField(
                choices=[("resolve", "It ends"), ("keep", "It goes on firing"), ("alert", "An alert of its own fires")],
                default="resolve",
                max_length=8,
            ),
        ),
    ]
