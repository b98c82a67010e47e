"""Remediation. An alert fires in a process with the worker and beat of embedded mode; a rule lets a low-risk action run by itself, and the
figure is the time from the alert's commit to the call of the provider. Then 200 cases are approved at once, of which ten go through
a provider whose every call takes two seconds: the others are to be over before it. CPU is this process' and its PostgreSQL backends'.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.remediation_load", scale)
