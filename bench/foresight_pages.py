"""Pages of foresight with 5,000 series forecast, 10,000 anomalies within a day and a ledger of 2,000 predictive alerts, asked for by a
signed-in operator through Django's whole middleware: CPU of one page, as a reader gets it again and again; "cold" is without the cache of
sparklines. The statements of each list and drawer are counted against those of a list of 50.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.foresight_pages_load", scale)
