from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0016_rule_recovery")]
    operations = [
        # which pages keep views is said by those who show them
        migrations.AlterField(model_name="savedview", name="page", field=models.CharField(default="explorer", max_length=20)),
    ]
