from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("genai", "0002_turn_progress")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="source",
            field=models.BinaryField(blank=True, null=True),
        ),
    ]
