from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [("genai", "0002_document_source")]

    operations = [
        migrations.AddField("turn", "steps", models.JSONField(blank=True, default=list)),
        migrations.AddField("turn", "seq", models.PositiveIntegerField(default=0)),
        migrations.AddField("turn", "context", models.JSONField(blank=True, default=dict)),
        migrations.AddField("turn", "beat_at", models.DateTimeField(default=timezone.now)),
    ]
