from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0017_views_of_any_page")]

    operations = [
        migrations.RemoveIndex("delivery", "delivery_due"),
        migrations.AddIndex(
            "delivery",
            models.Index(fields=["channel", "next_attempt_at", "id"], condition=models.Q(("ended_at", None)), name="delivery_open"),
        ),
    ]
