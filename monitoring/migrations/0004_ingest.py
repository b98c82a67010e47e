import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_metric_descriptions")]
    operations = [
        migrations.CreateModel(
            name="Sender",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("door", models.CharField(max_length=24)),
                ("token_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("source_id", models.BigIntegerField(blank=True, null=True)),
                ("first_seen", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_seen", models.DateTimeField(default=django.utils.timezone.now)),
                ("samples", models.BigIntegerField(default=0)),
                ("refused", models.JSONField(blank=True, default=dict)),
                ("examples", models.JSONField(blank=True, default=list)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("door", "token_id"), name="one_sender_per_door_and_token")],
            },
        ),
    ]
