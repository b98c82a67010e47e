"""What a tool says in plain text, as Markdown in which every sentence carries its citation."""

import re

from genai.evidence.sentences import claims_something, pieces

MARKS = re.compile(r"\[(?:E\d+|guess)\]", re.IGNORECASE)
MORE = re.compile(r"^… and ")
NUMBERED = re.compile(r"^- (\d+\. )")
TAIL = re.compile(r"([.!?…]*\s*)$")


def cited(text: str, rows_only: bool = False) -> str:
    """`rows_only`: without the first line, which counts them."""
    lines = text.strip().splitlines()
    head = MARKS.findall(lines[0]) if lines else []
    made = [_head(lines[0], bool(lines[1:]))] if lines and not rows_only else []
    own = head
    for line in lines[1:]:
        marks = MARKS.findall(line)
        own = marks or (own if line.startswith(" ") or not line.startswith("- ") else head)
        made.append(_line(line, own))
    return "\n".join(made)


def _head(line: str, more: bool) -> str:
    """What only counts what follows is no claim."""
    if more and not MARKS.search(line):
        return f"{line.rstrip(' .:')}:\n" if not line.startswith("#") else line
    return _line(line, MARKS.findall(line)) + ("\n" if more else "")


def _line(line: str, marks: list[str]) -> str:
    """The marks behind each of its sentences."""
    if MORE.match(line):
        return f"\nNote: {line}"
    indent = line[: len(line) - len(line.lstrip())]
    bare = NUMBERED.sub(r"- ", " ".join(MARKS.sub(" ", line).split()))
    if not marks or bare.startswith(("note:", "#")):
        return f"{indent}{bare[:1].upper()}{bare[1:]}" if bare.startswith("note:") else f"{indent}{bare}"
    return indent + "".join(_marked(one.text, marks) if one.prose and claims_something(one.text) else one.text for one in pieces(bare))


def _marked(sentence: str, marks: list[str]) -> str:
    tail = TAIL.search(sentence)
    at = tail.start() if tail else len(sentence)
    return f"{sentence[:at].rstrip()} {''.join(dict.fromkeys(marks))}{sentence[at:]}"
