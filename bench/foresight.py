"""What judging and forecasting cost: a tick over 20,000 series with one new sample each (read, judge, write the scores, tell), and the
hourly run over 5,000 series with the light level, their models made before. Of the forecasts a sample is measured, 100 for the first time
and 500 of the hourly run, and the figure is what all 5,000 would cost. CPU is this process' and, on PostgreSQL, its backend's. Then pages
and ingest of an embedded installation, before and while 20,000 series with half an hour of new rows are judged and 500 are forecast in
the same process. At last the demonstration's fortnight as the product sees it, five minutes after five minutes, from nothing: which
troubles it found, how often it spoke of machines in no trouble, and what it foretold of the disk that fills up, day by day.
"""

from bench import foresight_beside
from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.foresight_load", scale) + foresight_beside.run(scale)
