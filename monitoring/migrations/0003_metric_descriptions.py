from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0002_store_storage")]
    operations = [
        migrations.CreateModel(
            name="MetricDescription",
            fields=[
                ("metric", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("type", models.CharField(default="unknown", max_length=16)),
                ("unit", models.CharField(blank=True, max_length=64)),
                ("help", models.TextField(blank=True)),
            ],
        ),
    ]
