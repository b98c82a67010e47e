"""Rules and alerts. 1,000 rules, each over 20 of 20,000 series with a sample each 15 s, evaluated as the worker does it: one in five
computes rates, and one alert in a hundred fires; the limit of 30 % of one core is 4,500 ms of CPU each 15 s. Changes of alerts with 100,000
stored of which 10,000 fire; 10,000 notices in bodies of 500, as Alertmanager groups them. CPU is this process' and, on PostgreSQL, its
backend's.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.alerts_load", scale)
