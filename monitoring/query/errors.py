"""What a query may fail with. `kind` is the error type that Prometheus' HTTP API answers."""

from typing import ClassVar


class QueryError(Exception):
    """`message` is for the person who asked; `position` the offset in characters of what is wrong in the query, if known."""

    kind: ClassVar[str] = "execution"

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class ParseError(QueryError):
    kind = "bad_data"


class ExecutionError(QueryError):
    pass


class QueryTimeout(QueryError):
    kind = "timeout"


class QueryCanceled(QueryError):
    kind = "canceled"


class TooManySamples(ExecutionError):
    pass
