"""The Executive page with 100,000 alerts over 90 days on 1,000 resources in twelve services, a quarter of them critical, and 2,000
incidents; asked for by a signed-in viewer through Django's whole middleware. CPU is this process' and, on PostgreSQL, its backend's.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.kpis_load", scale)
