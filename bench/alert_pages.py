"""Pages of alerts with 100,000 stored of which 10,000 fire, asked for by a signed-in operator through Django's whole middleware; changes as
the page sends them, bulk ones in its portions of 500. What fires is held by each process: "cold" is the first page of a new one. Then from
the POST of a sample over HTTP to the slowest of 100 websockets that hears of the alert which an immediate rule made of it.
"""

from bench import alert_live
from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.alert_pages_load", scale) + alert_live.run(scale)
