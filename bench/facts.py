"""The facts API with 1,000 VMs of five metrics, a fact every half hour over three days, asked with a token. "In the process" is
Django's whole middleware and view; "over HTTP" also the server around it, body compressed. Imports are files of 1,000,000 facts, one
ordered by time and one by VM, CPU of the whole command's work: reading, checking against what is there, writing.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.facts_load", scale)
