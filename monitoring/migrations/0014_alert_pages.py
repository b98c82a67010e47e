from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0013_notifications"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField(
            model_name="savedview",
            name="page",
            field=models.CharField(choices=[("explorer", "Explorer"), ("alerts", "Alerts")], default="explorer", max_length=20),
        ),
        migrations.RemoveConstraint(model_name="savedview", name="one_view_per_owner_and_name"),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("owner", "page", "name"), name="one_view_per_owner_and_name"),
        ),
        migrations.RemoveIndex(model_name="savedview", name="view_shared"),
        migrations.AddIndex(
            model_name="savedview",
            index=models.Index(condition=models.Q(("shared", True)), fields=["page", "name"], name="view_shared"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(condition=models.Q(("state", "resolved")), fields=["-resolved_at"], name="alert_ended"),
        ),
    ]
