"""Notifications. 10,000 alerts of 50 names fire within a minute, in bodies of 500, and are read, grouped and told over a webhook on this
machine: the limit is a quarter of one core of that minute. The same alerts each by itself are 10,000 messages. CPU is this process' and,
on PostgreSQL, its backends'; the receiver is among it.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.notifications_load", scale)
