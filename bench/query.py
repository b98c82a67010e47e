"""PromQL through the store: 1,000 counters with a sample each 15 s for 7 hours, among 20,000 series. The range query reads 6 hours of all
of them, 1.4M samples, and answers 360 steps; a rule is asked for one moment. CPU is this process' and, on PostgreSQL, its backend's.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.query_load", scale)
