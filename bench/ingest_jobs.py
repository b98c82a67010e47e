"""Seals and merges what is there; prints the CPU seconds of this process and of its database connection."""

import sys

import django


def main() -> None:
    django.setup()
    from django.db import connection

    from bench.cpu import Clock
    from monitoring.store import merge, seal
    from monitoring.store.models import Chunk, ChunkTally, Hot

    pids = []
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids = [cursor.fetchone()[0]]
    clock = Clock(pids)
    clock.measure(seal.seal)
    clock.measure(merge.merge_days)
    kept = ChunkTally.objects.filter(tier=Chunk.Tier.DAY).values_list("samples", flat=True).first()
    left = sum(Hot.objects.values_list("count", flat=True))
    if kept != int(sys.argv[1]):
        raise SystemExit(f"{sys.argv[1]} samples were sent, {kept} are merged, {left} are in hot blocks")
    print(clock.total)


if __name__ == "__main__":
    main()
