"""The one seam between SQLite and PostgreSQL: bulk insert, binary reads, id lists, and the lock of the sealing jobs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from django.db import connection, transaction

SEAL_LOCK, SERIES_LOCK = 7_205_759, 7_205_760  # advisory lock numbers
Row = tuple[Any, ...]

TYPES = {
    "monitoring_hot": {"t0": "int8", "t1": "int8", "block": "int4", "count": "int4", "data": "bytea"},
    "monitoring_chunk": {"t0": "int8", "sid": "int4", "count": "int4", "tier": "int2", "data": "bytea"},
}


class Database(Protocol):
    among: str  # SQL: the column before it is one of a list given by `ids`
    seconds: str  # SQL: the time in {column}, in seconds

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[Row]: ...

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None: ...

    def insert(self, table: str, rows: Iterable[Row]) -> None:
        """Rows as in TYPES[table]; ids are handed out in their order."""

    def insert_hot(self, rows: Sequence[Row], newest: Row | None) -> bool:
        """In one statement, outside a transaction, unless another forgotten series than `newest` (id, since) is the newest one. False
        when nothing was inserted: for that reason, or because this database has no such statement."""

    def ids(self, values: Iterable[int]) -> Any: ...

    def lock(self, number: int) -> None:
        """Until the end of the transaction."""


class Sqlite:
    among = "IN (SELECT value FROM json_each(%s))"
    seconds = "CAST(strftime('%%s', {column}) AS INTEGER)"

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)

    def insert(self, table: str, rows: Iterable[Row]) -> None:
        columns = TYPES[table]
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", list(rows))  # noqa: S608

    def insert_hot(self, rows: Sequence[Row], newest: Row | None) -> bool:
        return False

    def ids(self, values: Iterable[int]) -> str:
        return json.dumps([int(value) for value in values])

    def lock(self, number: int) -> None:
        """Every transaction is BEGIN IMMEDIATE: the only writer already."""


_NEWEST = "(SELECT {} FROM monitoring_forgottenseries ORDER BY id DESC LIMIT 1) IS NOT DISTINCT FROM"
_INSERT_HOT = (
    f"INSERT INTO monitoring_hot ({', '.join(TYPES['monitoring_hot'])}) "  # noqa: S608
    f"SELECT * FROM unnest({', '.join(f'%b::{kind}[]' for kind in TYPES['monitoring_hot'].values())}) "
    f"WHERE {_NEWEST.format('id')} %s::int8 AND {_NEWEST.format('since')} %s::timestamptz"
)


class Postgres:
    among = "= ANY(%s::int[])"
    seconds = "extract(epoch FROM {column})::bigint"

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        # Django's own cursor binds on the client and reads bytea as hex text: thrice the CPU.
        with self._cursor() as cursor:
            cursor.execute(sql, params, binary=True)
            return cursor.fetchall()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        with self._cursor() as cursor:
            cursor.execute(sql, params)

    def insert(self, table: str, rows: Iterable[Row]) -> None:
        columns = TYPES[table]
        copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        with self._cursor() as cursor, cursor.copy(copy) as sink:
            sink.set_types(list(columns.values()))
            for row in rows:
                sink.write_row(row)

    def insert_hot(self, rows: Sequence[Row], newest: Row | None) -> bool:
        """Half the CPU of begin, look, copy, commit: each is a question and an answer."""
        with self._cursor() as cursor:
            cursor.execute(_INSERT_HOT, [*map(list, zip(*rows, strict=True)), *(newest or (None, None))])
            return bool(cursor.rowcount)

    def ids(self, values: Iterable[int]) -> str:
        """An array in PostgreSQL's own words: psycopg writes a list element by element, at ten times the CPU."""
        return "{" + ",".join([str(int(value)) for value in values]) + "}"

    def lock(self, number: int) -> None:
        self.read("SELECT pg_advisory_xact_lock(%s)", [number])

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        import psycopg

        connection.validate_no_broken_transaction()
        connection.ensure_connection()
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            yield cursor


_DATABASES: dict[str, Database] = {"sqlite": Sqlite(), "postgresql": Postgres()}


def database() -> Database:
    return _DATABASES[connection.vendor]


@contextmanager
def exclusive(number: int) -> Iterator[Database]:
    """A transaction that at most one process has open with the same lock."""
    with transaction.atomic():
        store = database()
        store.lock(number)
        yield store
