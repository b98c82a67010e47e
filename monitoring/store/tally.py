"""Keeps ChunkTally in step: each change of chunks carries its difference in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable

from monitoring.store.database import Database, Row


class Difference:
    def __init__(self) -> None:
        self._tiers: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, tier: int, count: int, size: int, chunks: int = 1) -> None:
        sums = self._tiers[tier]
        sums[0] += chunks
        sums[1] += count
        sums[2] += size

    def added(self, rows: Iterable[Row]) -> "Difference":
        """Rows as database.insert takes them for monitoring_chunk."""
        for _, _, count, tier, data in rows:
            self.add(tier, count, len(data))
        return self

    def save(self, database: Database) -> None:
        for tier, sums in sorted(self._tiers.items()):
            database.execute(
                "INSERT INTO monitoring_chunktally (tier, chunks, samples, bytes) VALUES (%s, %s, %s, %s) ON CONFLICT (tier) DO UPDATE SET"
                " chunks = monitoring_chunktally.chunks + excluded.chunks, samples = monitoring_chunktally.samples + excluded.samples,"
                " bytes = monitoring_chunktally.bytes + excluded.bytes",
                [tier, *sums],
            )
