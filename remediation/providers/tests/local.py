"""A command provider on this machine, and asks to it."""

import time
import uuid

from remediation.providers.base import RUNNING, Ask
from remediation.providers.command import Command


def ask(verb, key=None, timeout=30.0, **params):
    return Ask(
        key=key or str(uuid.uuid4()), verb=verb, params=params, target="this machine", timeout=timeout, reason="a test", case="RUN-1"
    )


def command(**config):
    return Command(config, {})


def until_it_ends(provider, asked, answer, patience=30.0):
    """The last answer, with the lines of all."""
    lines, until = list(answer.lines), time.monotonic() + patience
    while answer.state == RUNNING:
        assert time.monotonic() < until, "it never ends"
        time.sleep(0.01)
        answer = provider.poll(asked, answer.handle, answer.cursor)
        lines += answer.lines
    return answer, [line.text for line in lines]


def done(provider, asked):
    return until_it_ends(provider, asked, provider.run(asked))
