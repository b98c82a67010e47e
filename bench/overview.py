"""The overview page with 1,000 resources of 20 series each and samples of the last two minutes, asked for by a signed-in viewer through
Django's whole middleware, utilisation measured anew each time. Size is gzip level 6.
"""

import json
import os
import subprocess
import sys
import tempfile

from bench import store
from bench.row import Row


def _measure(scale: float, database_url: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "aiops.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": "",
            "AIOPS_DATA_DIR": data,
        }
        environment |= {"DATABASE_URL": database_url, "REDIS_URL": "", "AIOPS_LOCAL_HOST_SOURCE": "0"}
        answer = subprocess.run(
            [sys.executable, "-m", "bench.overview_load", str(scale)], env=environment, stdout=subprocess.PIPE, check=True
        )
    return [Row(**row) for row in json.loads(answer.stdout.splitlines()[-1])]


def run(scale: float) -> list[Row]:
    rows = _measure(scale, "")
    url = store._postgres()
    if url is None:
        print("PostgreSQL does not answer: its figures are left out", file=sys.stderr)
        return rows
    with store._scratch_database(url) as scratch:
        return rows + _measure(scale, scratch)


if __name__ == "__main__":
    for row in run(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        print(
            f"{row.database:11} {row.name:34} {row.value:8.1f} {row.unit:8} {'' if row.limit is None else f'<= {row.limit:g}':9} {row.note}"
        )
