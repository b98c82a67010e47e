"""Holds what an answer claims against the evidence it cites: nothing is shown as known that does not hold."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from genai.evidence import check, numbers
from genai.evidence.models import Evidence
from genai.evidence.sentences import Piece, claims_something, pieces

CITED = re.compile(r"\s*\[(E\d{1,18}(?:\s*,\s*E\d{1,18})*)\]")
GUESS = re.compile(r"\s*\[guess\]", re.IGNORECASE)
TAIL = re.compile(r"([.!?…]*[)\"'”’*_]*\s*)$")
MOST = 200  # citations that are checked


class Checked(NamedTuple):
    """`text`: with the citations that hold, and [guess] behind every other claim. `share`: of the claims, those with it; 1 without any."""

    text: str
    claims: int
    share: float


def cited(text: str) -> list[int]:
    """Ids of the evidence it cites, each once, in the order of the text."""
    found = (int(one[1:]) for group in CITED.findall(text) for one in re.split(r"\s*,\s*", group))
    return list(dict.fromkeys(found))


def checked(text: str, allowed: Collection[int]) -> Checked:
    """`allowed`: what was found for this answer. A citation of anything else, or of what does not hold any more or shows other numbers,
    goes; a claim that is left without one becomes a guess."""
    known = check.standing([one for one in cited(text)[:MOST] if one in allowed])
    out, claims, held = [], 0, 0
    for piece in pieces(text):
        told, is_claim, has_evidence = _sentence(piece, known)
        out.append(told)
        claims += is_claim
        held += is_claim and has_evidence
    return Checked("".join(out), claims, held / claims if claims else 1.0)


def _sentence(piece: Piece, known: Mapping[int, Evidence]) -> tuple[str, bool, bool]:
    """(as it is shown, whether it is a claim, whether evidence supports it)."""
    if not piece.prose:
        return piece.text, False, False
    ids = cited(piece.text)
    bare = GUESS.sub("", CITED.sub("", piece.text))
    guessed = GUESS.search(piece.text) is not None
    rests_on = [known[one] for one in ids if one in known and known[one].holds is not False]
    if not (ids or guessed or claims_something(bare)):
        return piece.text, False, False
    if guessed or not rests_on or numbers.contradicted(bare, rests_on):
        return _with(bare, ["[guess]"]) if claims_something(bare) or guessed else bare, True, False
    return _with(bare, [f"[E{one.pk}]" for one in rests_on]), True, True


def _with(sentence: str, marks: Sequence[str]) -> str:
    """Before the sentence's end: “… rose [E1].”; in a table's row within its last cell."""
    body = sentence.rstrip()
    if body.endswith("|"):
        return f"{body[:-1].rstrip()} {' '.join(marks)} |{sentence[len(body) :]}"
    tail = TAIL.search(sentence)
    at = tail.start() if tail else len(sentence)
    return f"{sentence[:at].rstrip()} {''.join(marks)}{sentence[at:]}"
