"""What differs between two versions of a prompt, line by line."""

import difflib
from typing import NamedTuple

AROUND = 3  # lines around a change


class DiffLine(NamedTuple):
    kind: str  # + - or a space; @ between two parts
    text: str


def lines(old: str, new: str) -> list[DiffLine]:
    found = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=AROUND))[3:]  # after the heads and the first @@
    return [DiffLine(line[:1], "" if line.startswith("@@") else line[1:]) for line in found]
