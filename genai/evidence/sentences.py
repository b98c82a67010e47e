"""Cuts an answer in Markdown into sentences, and tells those that claim something. Code stays whole and claims nothing."""

import re
from collections.abc import Iterator
from typing import NamedTuple

FENCE = re.compile(r"^\s*(```|~~~)")
LEAD = re.compile(r"\s*(?:[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,3}[.)]\s+|>\s?)*")  # of a list's entry or a quotation
HEADING = re.compile(r"\s*(#{1,6}\s|[-=*_]{3,}\s*$)")
ROW = re.compile(r"\s*\|.*\|\s*$")
MARK = r"(?:\s*\[(?:E\d+(?:\s*,\s*E\d+)*|guess)\])"
END = re.compile(rf"(?:[.!?…]+[)\"'”’*_]*{MARK}*|{MARK}+[.!?])(?=\s|$)")
ABBREVIATIONS = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|no|cf|resp|min|max|avg)|\b[A-Z])\.$", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]{2,}")
# What speaks of the answer itself or tells the reader what to do claims nothing about the world.
NO_CLAIM = re.compile(
    r"(?:I|I'm|I'll|I've|We|You|Your|Let|Please|If|To|Here|These are|This is what|Sources?|Note|Tell|Ask|Would|Should|Could|Can|Do|Shall|"
    r"Check|Run|Open|Look|See|Consider|Try|Propose|Review|Restart|Increase|Reduce|Add|Remove|Verify|Confirm|Compare|Use|Next|Sorry|Yes|No|"
    r"Hello|Thanks|Investigate|Monitor|Ensure|Make|Keep|Start|Stop|Roll|Scale|Clean|Free|Delete|Approve|Wait|Inspect|Watch|Set|Write)\b",
)


class Piece(NamedTuple):
    """A part of the text as it stands; all of them together are the text. `prose`: a sentence, which may be a claim."""

    text: str
    prose: bool


def pieces(text: str) -> Iterator[Piece]:
    fenced = False
    for line in text.splitlines(keepends=True):
        if FENCE.match(line):
            fenced = not fenced
            yield Piece(line, False)
        elif fenced or not line.strip() or HEADING.match(line) or line.startswith(("    ", "\t")):
            yield Piece(line, False)
        elif ROW.match(line):
            yield Piece(line, True)
        else:
            yield from _of_line(line)


def _of_line(line: str) -> Iterator[Piece]:
    lead = LEAD.match(line)
    at = lead.end() if lead else 0
    if at:
        yield Piece(line[:at], False)
    for end in END.finditer(line, at):
        if not ABBREVIATIONS.search(line[at : end.end()]):
            yield Piece(line[at : end.end()], True)
            at = end.end()
    if line[at:]:
        yield Piece(line[at:], bool(line[at:].strip()))


def claims_something(sentence: str) -> bool:
    """Whether it says something about the world that could be true or not."""
    plain = re.sub(r"`[^`]*`", "x", re.sub(MARK, "", sentence)).strip().strip("*_ ")
    if plain.endswith(("?", ":")) or len(WORD.findall(plain)) < 3:
        return False
    if ROW.match(sentence):
        return any(letter.isdigit() for letter in plain)
    return NO_CLAIM.match(plain) is None
