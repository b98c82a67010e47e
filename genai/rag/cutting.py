"""A text in pieces that are small enough to be cited: Markdown by its headings, a PDF by its pages."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MOST = 1000  # characters of a piece: what the encoder reads at once, and what a person reads at a glance
HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n+")


class Cut(NamedTuple):
    """`place`: the headings above it ("Restart › When it hangs"), or the page."""

    place: str
    text: str


def markdown(text: str) -> list[Cut]:
    return [Cut(place, piece) for place, body in _sections(text) for piece in _pieces(body)]


def pages(texts: Iterable[str]) -> list[Cut]:
    return [Cut(f"page {number}", piece) for number, text in enumerate(texts, 1) for piece in _pieces(text)]


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """What stands below each heading. A # inside of a code block is no heading."""
    above: list[tuple[int, str]] = []
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        found = None if fenced else HEADING.match(line)
        if not found:
            lines.append(line)
            continue
        yield _place(above), "\n".join(lines)
        level = len(found[1])
        above, lines = [*(one for one in above if one[0] < level), (level, found[2])], []
    yield _place(above), "\n".join(lines)


def _place(above: list[tuple[int, str]]) -> str:
    return " › ".join(title for _, title in above if title)[:300]


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs together as far as they fit; one that is too long by its sentences."""
    return _joined(_parts(text), "\n\n")


def _joined(parts: Iterable[str], glue: str) -> Iterator[str]:
    """As many together as fit."""
    held = ""
    for part in parts:
        if held and len(held) + len(part) + len(glue) > MOST:
            yield held
            held = ""
        held = f"{held}{glue}{part}" if held else part
    if held:
        yield held


def _parts(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = paragraph.strip()
        if len(paragraph) <= MOST:
            if paragraph:
                yield paragraph
            continue
        yield from _joined(_sentences(paragraph), " ")


def _sentences(paragraph: str) -> Iterator[str]:
    for sentence in SENTENCE.split(paragraph):
        for at in range(0, len(sentence), MOST):
            yield sentence[at : at + MOST]
