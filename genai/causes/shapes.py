"""A hypothesis as it is kept (Analysis.hypotheses) and shown."""

from typing import Any, TypedDict


class Statement(TypedDict):
    """One sentence and what it rests on. A guess rests on nothing."""

    text: str
    evidence: list[int]  # ids of Evidence
    guess: bool
    against: bool  # it speaks against the hypothesis


class Hypothesis(TypedDict):
    title: str
    score: float  # 0-1; those of one analysis add up to 1 at most
    why: str  # one sentence
    component: str  # the resource's name, or empty
    resource: int | None
    metric: str
    origin: str  # series, change, alert, forecast, past: what put it forward
    statements: list[Statement]
    facts: dict[str, Any]  # {"onset": epoch seconds, "departure": …}, for tools
