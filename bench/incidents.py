"""Alerts become incidents. 10,000 alerts that Alertmanager posts within one minute, in bodies of 500, about 8,000 pods on 400 nodes of 4
clusters, 50 services that need 25 databases; each body is followed by the task that correlates. CPU is this process' and, on PostgreSQL,
its backend's. Then the pages with these incidents, and one call of the task that follows them every 15 s.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.incidents_load", scale)
