from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0004_ingest")]
    operations = [
        migrations.CreateModel(
            name="ForgottenSeries",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sid", models.IntegerField()),
                ("since", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
