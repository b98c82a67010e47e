"""The metric store alone, arrays in: no HTTP, no parsing, no look-up of series ids. 20,000 series every 15 s for 3 hours (time-ordered
batches of 5,000), after a back-fill of 30 days for 100 of them; each day is sealed, merged and, on PostgreSQL, vacuumed as the schedule
would.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.store_load", scale)
