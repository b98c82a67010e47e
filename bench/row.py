"""One measured figure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    name: str
    database: str  # "SQLite", "PostgreSQL", "embedded", "Redis", …
    value: float
    unit: str  # "CPU-s/M", "B", "ms", "KB", "%", "MB"
    limit: float | None  # the figure holds when value <= limit; None = for information
    note: str = ""
    least: bool = False  # more is better: it holds when value >= limit

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit
