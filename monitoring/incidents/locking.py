from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

INCIDENT_LOCK = 7_310_155_644  # any number, as long as nothing else in this database locks it


@contextmanager
def arranging() -> Iterator[None]:
    """A transaction in which nobody else changes incidents. Taken before alerts are changed and the audit trail is written, never inside.

    SQLite needs no lock: its transactions are IMMEDIATE, one writer anyway.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [INCIDENT_LOCK])
        yield
