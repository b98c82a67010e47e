from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("genai", "0001_genai")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="source",
            field=models.BinaryField(blank=True, null=True),
        ),
    ]
