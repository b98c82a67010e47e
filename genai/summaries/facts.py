"""What is known about something, sentence by sentence, each with what it rests on. Texts are composed of it, or worded from it.

Gathering is cheap and writes nothing: the hash of the sentences says whether a text made before still fits. Evidence is put down only
when a new text is made.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from genai.evidence import collect
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable

MARKUP = re.compile(r"([\\`*_<>|~#])")
LONGEST = 400  # characters of one thing that was said elsewhere


class Cite(NamedTuple):
    """What a sentence rests on, as collect takes it. Kind "series": the reference holds only the query."""

    kind: str
    reference: Mapping[str, Any]
    title: str
    found_text: str = ""
    start: datetime | None = None
    end: datetime | None = None


class Line(NamedTuple):
    """One sentence, or an item of a list. A guess is said to be one; `known`: evidence that is there already."""

    text: str
    cites: tuple[Cite, ...] = ()
    known: tuple[int, ...] = ()
    guess: bool = False
    item: bool = False


class Section(NamedTuple):
    """Sentences of one paragraph, below a heading where there is one."""

    lines: Sequence[Line]
    heading: str = ""


@dataclass
class Facts:
    """`data`: what belongs to the text beside the words."""

    subject: str
    title: str
    sections: list[Section] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def say(self, *lines: Line, heading: str = "") -> None:
        """Nothing where there is nothing to say."""
        if lines:
            self.sections.append(Section(lines, heading))

    @property
    def basis(self) -> str:
        told = [[one.heading, [[line.text, line.guess, line.known] for line in one.lines]] for one in self.sections]
        return hashlib.sha256(json.dumps([self.title, told, self.data], sort_keys=True, default=str).encode()).hexdigest()

    def written(self) -> "Written":
        """Puts the evidence down. What is gone meanwhile, or cannot be asked, is told without."""
        cited: list[int] = []
        parts = [_section(one, cited) for one in self.sections]
        return Written("\n\n".join(part for part in parts if part), list(dict.fromkeys(cited)))


class Written(NamedTuple):
    text: str  # Markdown with [E12] and [guess]
    evidence: list[int]


def _section(section: Section, cited: list[int]) -> str:
    lines = [(line, _marked(line, cited)) for line in section.lines]
    body = "".join(_joined(lines)).strip()
    return f"## {section.heading}\n\n{body}" if section.heading else body


def _joined(lines: Sequence[tuple[Line, str]]) -> Iterator[str]:
    before_item = False
    for line, text in lines:
        if line.item:
            yield f"\n- {text}" if before_item else f"\n\n- {text}"
        else:
            yield f"\n\n{text} " if before_item else f"{text} "
        before_item = line.item


def _marked(line: Line, cited: list[int]) -> str:
    ids = [*line.known, *(pk for one in line.cites if (pk := _put_down(one)) is not None)]
    cited += ids
    marks = "".join(f"[E{pk}]" for pk in dict.fromkeys(ids)) or ("[guess]" if line.guess else "")
    if not marks:
        return line.text
    end = line.text[-1:] if line.text[-1:] in ".!?" else ""
    return f"{line.text.removesuffix(end)} {marks}{end}"


def _put_down(one: Cite) -> int | None:
    try:
        if one.kind == "series":
            if one.start is None or one.end is None:
                return None
            row = collect.series(str(one.reference["query"]), one.start, one.end, one.title, found_text=one.found_text)
        else:
            row = collect.of(one.kind, one.reference, one.title, one.found_text, start=one.start, end=one.end)
    except (collect.Gone, QueryError, StoreUnavailable):
        return None
    return int(row.pk)


# -- words -----------------------------------------------------------------------------------------------------------------
def said(text: object, longest: int = LONGEST) -> str:
    """What was said elsewhere (a label, an alert's text, a person) as part of our sentence: one line, no markup, no citation."""
    flat = " ".join(str(text).replace("\0", "").split())
    flat = flat if len(flat) <= longest else f"{flat[:longest]}…"
    return MARKUP.sub(r"\\\1", flat.replace("[", "(").replace("]", ")"))


def sentence(text: str) -> str:
    """With a full stop at its end."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def when(at: datetime) -> str:
    """The same for everybody who reads it, and on any day."""
    return f"{at.astimezone(UTC):%-d %b %H:%M} UTC"


def some(names: Sequence[str], most: int = 3) -> str:
    """a, b and c; a, b, c and 4 more."""
    shown = [said(name, 80) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def plural(count: int, word: str, many: str = "") -> str:
    return f"{count:,} {word if count == 1 else many or f'{word}s'}"
