"""Seals and merges what is there; prints the CPU seconds of this process and of its database connection."""

import sys

import django


def main() -> None:
    django.setup()
    from bench.cpu import Clock, backend_pids
    from monitoring.store import merge, seal
    from monitoring.store.models import Chunk, ChunkTally, Hot

    clock = Clock(backend_pids())
    clock.measure(seal.seal)
    clock.measure(merge.merge_days)
    kept = ChunkTally.objects.filter(tier=Chunk.Tier.DAY).values_list("samples", flat=True).first()
    left = sum(Hot.objects.values_list("count", flat=True))
    if kept != int(sys.argv[1]):
        raise SystemExit(f"{sys.argv[1]} samples were sent, {kept} are merged, {left} are in hot blocks")
    print(clock.total)


if __name__ == "__main__":
    main()
