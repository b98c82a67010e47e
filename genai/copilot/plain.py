"""What a tool says in plain text, as Markdown in which every sentence carries its citation.

Tools write a head, rows ("- …"), and what belongs to a row indented below it. A line without a citation of its own rests on that of its
row, or of the head; what only counts, or says that there is nothing, claims nothing that could be cited and is a note.
"""

import re
from collections.abc import Iterator, Sequence

from genai.evidence.sentences import claims_something, pieces

MARKS = re.compile(r"\[(?:E\d+|guess)\]", re.IGNORECASE)
MORE = re.compile(r"^… and ")
NUMBERED = re.compile(r"^- \d+\. ")
TAIL = re.compile(r"([.!?…]*\s*)$")
NONE = re.compile(r"^0 (?!of\b)")
ORDER = re.compile(r", (?:the \w+|those that fit and helped most often) first$")
AGAINST = "speaks against it:"


def cited(text: str, *, rows_only: bool = False, quoted: bool = False) -> str:
    """`rows_only`: without the head. `quoted`: what stands below a row is a text from outside, told word for word."""
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    head = MARKS.findall(lines[0]) if lines else []
    made = [] if rows_only or not lines else [_head(lines[0], head, len(lines) > 1)]
    row: list[str] = head
    seen = False
    for at, line in enumerate(lines[1:], 1):
        below = line.startswith(" ")
        if line.startswith("- "):
            row, seen = MARKS.findall(line) or list(_of_rows_below(lines[at + 1 :])) or head, True
            made.append(_line(NUMBERED.sub("- ", line), row))
        elif quoted and seen:
            made.append(_line(f"  > {line.strip()}", row))
        elif below:
            made.append("  " + _line(line.strip(), MARKS.findall(line) or row))
        else:
            made.append(_between(line, head, lines[at + 1 :]))
    return "\n".join(made)


def _of_rows_below(lines: Sequence[str]) -> Iterator[str]:
    """What speaks for a row without a citation: the facts below it."""
    for line in lines:
        if not line.startswith(" "):
            return
        if not line.strip().startswith(AGAINST):
            yield from (mark for mark in MARKS.findall(line) if mark.lower() != "[guess]")


def _head(line: str, marks: list[str], more: bool) -> str:
    if marks:
        return _line(line, marks) + ("\n" if more else "")
    return f"{line.rstrip(' .:')}:\n" if more else f"Note: {ORDER.sub('', NONE.sub('no ', line)).rstrip('.')}."


def _between(line: str, head: list[str], after: Sequence[str]) -> str:
    """A line that is no row: a head of the rows below it, a count of what is left out, or one more thing about the whole."""
    marks = MARKS.findall(line)
    if MORE.match(line) or line.startswith(("0 ", "note:")):
        return f"\nNote: {line.removeprefix('note:').strip()}"
    if not marks and after and after[0].startswith("- "):
        return f"\n{line.rstrip(' .:')}:\n"
    return _line(f"- {line}", marks or head)


def _line(line: str, marks: Sequence[str]) -> str:
    """The marks behind each of its sentences."""
    indent = line[: len(line) - len(line.lstrip())]
    bare = " ".join(MARKS.sub(" ", line).split())
    if not marks:
        return indent + bare
    return indent + "".join(_marked(one.text, marks) if one.prose and claims_something(one.text) else one.text for one in pieces(bare))


def _marked(sentence: str, marks: Sequence[str]) -> str:
    tail = TAIL.search(sentence)
    at = tail.start() if tail else len(sentence)
    return f"{sentence[:at].rstrip()} {''.join(dict.fromkeys(marks))}{sentence[at:]}"
