"""The overview page with 1,000 resources of 20 series each and samples of the last two minutes, asked for by a signed-in viewer through
Django's whole middleware, utilisation measured anew each time. Size is gzip level 6.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.overview_load", scale)
