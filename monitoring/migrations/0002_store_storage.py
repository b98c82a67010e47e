"""PostgreSQL only: a flush's block (5 KB) and a day's chunk stay in their row, and are not compressed a second time."""

from django.db import migrations

FORWARDS = (
    "ALTER TABLE monitoring_hot SET (toast_tuple_target = 8160)",
    "ALTER TABLE monitoring_chunk SET (toast_tuple_target = 8160)",
    "ALTER TABLE monitoring_hot ALTER COLUMN data SET STORAGE EXTERNAL",
    "ALTER TABLE monitoring_chunk ALTER COLUMN data SET STORAGE EXTERNAL",
)
BACKWARDS = (
    "ALTER TABLE monitoring_hot RESET (toast_tuple_target)",
    "ALTER TABLE monitoring_chunk RESET (toast_tuple_target)",
    "ALTER TABLE monitoring_hot ALTER COLUMN data SET STORAGE EXTENDED",
    "ALTER TABLE monitoring_chunk ALTER COLUMN data SET STORAGE EXTENDED",
)


def _run(statements):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            for statement in statements:
                schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]
    operations = [migrations.RunPython(_run(FORWARDS), _run(BACKWARDS))]
