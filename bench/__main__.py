"""Measure every figure the project states and keep them in docs/bench.md.

Usage: python -m bench [--quick] [store ingest facts overview live idle …]
Each suite replaces its section of the report when it is done; --quick measures on a tenth of the data and writes nothing.
PostgreSQL and Redis are used where they answer (DATABASE_URL, REDIS_URL or the usual local ports); a figure whose server is
missing is left out and named.
"""

import argparse
import datetime
import importlib
import os
import platform
import sys
from pathlib import Path

from bench.row import Row

SUITES = [
    "store", "ingest", "scrape", "query", "explorer", "facts", "alerts", "alert_pages", "incidents",
    "notifications", "storm", "kpis", "detect", "forecast", "capacity", "foresight", "foresight_pages", "remediation",
    "rca", "assistant", "overview", "live", "idle",
]  # fmt: skip
REPORT = Path(__file__).resolve().parent.parent / "docs" / "bench.md"
HEAD = """# Figures

Measured by `make bench`: {machine}, Python {python}. CPU means user + system seconds of every process involved; compare
figures of one run with each other, never with another machine's. Repeat one suite with `make bench ARGS="store"`, a quick look with
`make bench ARGS="--quick"` (a tenth of the data, nothing is written).

"""


def table(rows: list[Row]) -> str:
    lines = ["| figure | on | measured | limit | | how |", "|---|---|---|---|---|---|"]
    for row in rows:
        verdict = "" if row.limit is None else ("holds" if row.holds else ("**under**" if row.least else "**over**"))
        limit = "" if row.limit is None else f"{'≥ ' if row.least else ''}{row.limit:g} {row.unit}"
        lines.append(f"| {row.name} | {row.database} | {row.value:.3g} {row.unit} | {limit} | {verdict} | {row.note} |")
    return "\n".join(lines)


def machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}"


def section(name: str, about: str | None, rows: list[Row]) -> str:
    return f"## {name.capitalize().replace('_', ' ')}\n\n{(about or '').strip()}\n\n{table(rows)}\n"


def sections() -> dict[str, str]:
    """What the report holds of each suite."""
    text = REPORT.read_text(encoding="utf-8") if REPORT.is_file() else ""
    parts = [part for part in text.split("\n## ")[1:] if part]
    return {part.split("\n", 1)[0].lower().replace(" ", "_"): f"## {part.rstrip()}\n" for part in parts}


def write(measured: dict[str, str]) -> None:
    """Replaces the sections of the suites that were measured; the others keep their figures and the date they name."""
    kept = sections() | measured
    head = HEAD.format(machine=machine(), python=platform.python_version())
    REPORT.write_text(head + "\n".join(kept[name] for name in SUITES if name in kept), encoding="utf-8")
    print(f"\nwritten to {REPORT.relative_to(REPORT.parent.parent)}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the project's figures.")
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"{', '.join(SUITES)}; all of them when none is named")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if unknown := set(asked.suites) - set(SUITES):
        parser.error(f"there is no suite {unknown.pop()}; there are {', '.join(SUITES)}")
    over = 0
    for name in asked.suites or SUITES:
        module = importlib.import_module(f"bench.{name}")
        rows = module.run(0.1 if asked.quick else 1.0)
        over += sum(not row.holds for row in rows)
        print(f"\n{name}\n{table(rows)}", flush=True)
        if not asked.quick:
            write({name: section(name, f"{(module.__doc__ or '').strip()}\n\nMeasured on {datetime.date.today()}.", rows)})
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
