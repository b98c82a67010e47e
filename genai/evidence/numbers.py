"""Whether the figures a sentence names can be seen in what it cites. Lenient: only a sentence none of whose figures is there is
contradicted, since people round, convert units and subtract."""

import re
from collections.abc import Iterable, Sequence

from genai.evidence.models import Evidence

UNIT = r"(?:%|per\s?cent\b|°C|[kMGTP]?i?B(?:/s)?\b|ms\b|µs\b|[WV]\b|rpm\b|MHz\b|GHz\b|req(?:uests)?/s\b|/s\b)"
FIGURE = re.compile(rf"(?<![\w.:/-])(-?\d[\d,]*(?:\.\d+)?)[\s\u00a0\u202f]?({UNIT})")
ANY = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
POWERS = {"k": 1, "M": 2, "G": 3, "T": 4, "P": 5}
NEAR = 0.06
NAMED = ("min", "max", "mean", "first", "last")
MEASURES = {Evidence.Kind.SERIES, Evidence.Kind.FORECAST}


def contradicted(sentence: str, cited: Sequence[Evidence]) -> bool:
    """Only measurements can contradict: an alert or a change says its figures in other words."""
    if not cited or any(one.kind not in MEASURES for one in cited):
        return False
    named = [(number(text), unit) for text, unit in FIGURE.findall(re.sub(r"`[^`]*`", "", sentence))]
    if not named:
        return False
    return not any(_seen(value, unit, cited) for value, unit in named)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def _seen(value: float, unit: str, cited: Iterable[Evidence]) -> bool:
    return any(_near(said, known) for one in cited for said in _readings(value, unit) for known in _known(one))


def _readings(value: float, unit: str) -> list[float]:
    """What the store may hold for what a person writes: 42 % is 0.42 too, 1.5 GB is 1.5e9 or 1.61e9 bytes, 250 ms is 0.25 s."""
    if unit == "%" or unit.startswith("per"):
        return [value, value / 100]
    if unit == "ms":
        return [value, value / 1000]
    if unit == "µs":
        return [value, value / 1e6]
    power = POWERS.get(unit[0], 0) if "B" in unit else 0
    return [value, value * 1000**power, value * 1024**power] if power else [value]


def _known(evidence: Evidence) -> list[float]:
    """Its figures, those of its sentence, and what it rose or fell by."""
    found = [float(evidence.found[name]) for name in NAMED if isinstance(evidence.found.get(name), int | float)]
    said = [number(text) for text in ANY.findall(f"{evidence.title} {evidence.found_text}")]
    rose = [float(evidence.found["last"]) - float(evidence.found["first"])] if "last" in evidence.found else []
    line = [float(value) for value in evidence.found.get("line", []) if value is not None]
    return found + said + rose + line


def _near(said: float, known: float) -> bool:
    return abs(abs(said) - abs(known)) <= NEAR * max(abs(known), abs(said)) or (abs(said) >= 1 and round(said) == round(known))
