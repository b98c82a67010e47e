"""The explorer and its neighbours over the demonstration's 4,500 series with four days of samples, one each two minutes, merged and
rolled up but for today. Asked for by a signed-in viewer through Django's whole middleware; a quick look has a day and a half.
"""

from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.explorer_load", scale)
