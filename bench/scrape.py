"""500 node_exporters of 512 samples each (a stand-in process of their own, not counted), scraped by one source in one worker process: page
fetched over HTTP, read, merged into the inventory, stored, each target's outcome kept. The first poll, which registers 256,000 series, is
not counted; values change from poll to poll.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.scrape_load", scale)
