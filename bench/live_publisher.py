"""Publishes events at 10 a second once told how many on standard input. With `up`, from a thread of the embedded process."""

import sys
import threading
import time

import django


def publish_when_told() -> None:
    from monitoring.live.publish import flush, publish

    for _ in range(int(sys.stdin.readline() or 0)):
        publish("fleet", {"at": time.time(), "filler": "x" * 120})
        time.sleep(0.1)
    flush()


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:] == ["up"]:
        from django.core.management import call_command

        threading.Thread(target=publish_when_told, daemon=True).start()
        call_command("up")
    else:
        publish_when_told()
