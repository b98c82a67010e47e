"""SQLite, whose one writer at a time is found by standing in line.

By itself SQLite lets who waits for the write lock sleep and look again, up to every 100 ms and in no order: with twenty threads that write,
the lock is free most of the time and one of them has bad luck for so long that its transaction fails. Threads of one process wait for
each other here, in their order; other processes are left to SQLite.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3.base import DatabaseWrapper as Usual
from django.db.utils import OperationalError

from aiops.sqlite3.turns import Turns

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_turns: defaultdict[str, Turns] = defaultdict(Turns)  # by file


class DatabaseWrapper(Usual):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mine: Turns | None = None
        self.patience: float | None = None  # seconds to wait in line; None: as long as for SQLite's own lock
        self.execute_wrappers.append(self._in_line)

    def _enter(self) -> None:
        """Databases in memory have one connection, or fail at once."""
        if self._mine is not None or self.is_in_memory_db():
            return
        turns = _turns[str(self.settings_dict["NAME"])]
        usual = self.settings_dict["OPTIONS"].get("timeout", 5.0)
        if not turns.take(usual if self.patience is None else self.patience):
            raise OperationalError("database is locked")
        self._mine = turns

    def _leave(self) -> None:
        mine, self._mine = self._mine, None
        if mine is not None:
            mine.give_back()

    # -- transactions ----------------------------------------------------------------------------------------------------
    def _start_transaction_under_autocommit(self) -> None:
        self._enter()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # Django's own
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # Django's own
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # Django's own
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # Django's own
        finally:
            self._leave()

    # -- statements that are a transaction of their own --------------------------------------------------------------------
    def _in_line(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.in_atomic_block or self._mine is not None or not sql.lstrip()[:7].upper().startswith(WRITES):
            return execute(sql, params, many, context)
        self._enter()
        try:
            return execute(sql, params, many, context)
        finally:
            self._leave()
