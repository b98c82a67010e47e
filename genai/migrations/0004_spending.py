from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("genai", "0003_turn_progress")]

    operations = [
        migrations.CreateModel(
            name="Spending",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(max_length=80)),
                ("day", models.DateField()),
                ("tokens", models.BigIntegerField(default=0)),
                ("nanodollars", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("scope", "day"), name="one_spending_per_day")],
            },
        ),
    ]
