"""What judging and forecasting cost: a tick over 20,000 series with one new sample each (read, judge, write the scores, tell), and the
hourly run over 5,000 series with the light level, their models made before. Then the demonstration's fortnight as the product sees it, five
minutes after five minutes, from nothing: which troubles it found, how often it spoke of machines in no trouble, and what it foretold of the
disk that fills up, day by day. CPU is this process' and, on PostgreSQL, its backend's.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.foresight_load", scale)
