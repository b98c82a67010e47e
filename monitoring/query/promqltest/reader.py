"""Commands of a promqltest file: load, clear and eval with what it expects."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from monitoring.query.errors import ParseError
from monitoring.query.parse.literals import duration, number, unquote
from monitoring.query.promqltest.series import Described, FormatError, series
from monitoring.query.regex import compile_anchored

_LOAD = re.compile(r"load(?P<nhcb>_with_nhcb)?\s+(?P<interval>\S+)", re.IGNORECASE)
_INSTANT = re.compile(r"eval(?:_(?P<mode>fail|warn|ordered|info))?\s+instant\s+at\s+(?P<at>\S+)\s+(?P<query>.+)", re.IGNORECASE)
_RANGE = re.compile(
    r"eval(?:_(?P<mode>fail|warn|info))?\s+range\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)\s+(?P<query>.+)",
    re.IGNORECASE,
)
_EXPECT = re.compile(r"expect\s+(?P<kind>ordered|fail|warn|no_warn|info|no_info)(?:\s+(?P<how>msg|regex):(?P<text>.*))?")
_EXPECT_RANGE = re.compile(r"expect\s+range\s+vector\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)")
_EXPECT_TEXT = re.compile(r"expect\s+string(?:\s(?P<text>.*))?")


@dataclass
class Expectation:
    """About a failure or a remark; `how` is msg (equal), regex (found in it) or "" (any)."""

    kind: str
    how: str = ""
    text: str = ""

    def met_by(self, message: str) -> bool:
        if self.how == "msg":
            return message == self.text
        return not self.how or re.search(compile_anchored(self.text).pattern, message, re.DOTALL) is not None


@dataclass
class Load:
    line: int
    interval: int  # ms
    native: bool  # load_with_nhcb: native histograms were wanted as well
    series: list[Described] = field(default_factory=list)


@dataclass
class Clear:
    line: int


@dataclass
class Broken:
    """A command that could not be read."""

    line: int
    text: str
    reason: str


@dataclass
class Eval:
    """Times in ms; an instant eval has start == end and step 0."""

    line: int
    query: str
    start: int
    end: int
    step: int
    expectations: list[Expectation] = field(default_factory=list)
    series: list[Described] = field(default_factory=list)
    scalar: float | None = None
    text: str | None = None
    window: tuple[int, int, int] | None = None  # (start, end, step) of an expected range vector

    def expects(self, kind: str) -> list[Expectation]:
        return [expectation for expectation in self.expectations if expectation.kind == kind]


Command = Load | Clear | Eval | Broken


def commands(text: str) -> Iterator[Command]:
    """One after the other; what cannot be read becomes Broken and the rest goes on."""
    lines = [_stripped(line) for line in text.split("\n")]
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        block = at + 1
        # Lines that belong to a command end with an empty one (a comment is one), those of clear at once.
        while block < len(lines) and lines[block] and lines[at].lower() != "clear":
            block += 1
        try:
            yield _command(lines[at], at + 1, lines[at + 1 : block])
        except (FormatError, ParseError, ValueError) as error:
            yield Broken(at + 1, lines[at], str(error))
        at = block


def _stripped(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else line


def _command(line: str, number_: int, body: list[str]) -> Command:
    if line.lower() == "clear":
        return Clear(number_)
    if loaded := _LOAD.fullmatch(line):
        return Load(number_, _time(loaded["interval"]), bool(loaded["nhcb"]), [series(row) for row in body if "@st" not in row.split()[0]])
    if found := _INSTANT.fullmatch(line):
        at = _time(found["at"])
        return _with_body(Eval(number_, found["query"], at, at, 0), found["mode"], body)
    if found := _RANGE.fullmatch(line):
        times = _time(found["start"]), _time(found["end"]), _time(found["step"])
        return _with_body(Eval(number_, found["query"], *times), found["mode"], body)
    raise FormatError("not a command")


def _time(text: str) -> int:
    return -duration(text[1:]) if text.startswith("-") else duration(text)


def _with_body(case: Eval, mode: str | None, body: list[str]) -> Eval:
    if mode:
        case.expectations.append(Expectation(mode.lower()))
    for line in body:
        _expectation(case, line)
    return case


def _expectation(case: Eval, line: str) -> None:
    """One line below an eval."""
    if line.startswith("expected_fail_message"):
        case.expectations = [Expectation("fail", "msg", line.removeprefix("expected_fail_message").strip())]
    elif line.startswith("expected_fail_regexp"):
        case.expectations = [Expectation("fail", "regex", line.removeprefix("expected_fail_regexp").strip())]
    elif window := _EXPECT_RANGE.fullmatch(line):
        case.window = _time(window["start"]), _time(window["end"]), _time(window["step"])
    elif text := _EXPECT_TEXT.fullmatch(line):
        case.text = _text(text["text"] or "")
    elif line.split(" ")[0] == "expect":
        case.expectations.append(_expect(line))
    elif (value := _number(line)) is not None:
        case.scalar = value
    else:
        case.series.append(series(line))


def _expect(line: str) -> Expectation:
    found = _EXPECT.fullmatch(line)
    if not found:
        raise FormatError(f"not an expect line: {line!r}")
    return Expectation(found["kind"], found["how"] or "", (found["text"] or "").strip())


def _text(written: str) -> str:
    """Quoted as in Go; older files leave the quotes away."""
    if len(written) >= 2 and written[0] in "\"'`" and written[-1] == written[0]:
        return unquote(written)
    return written


def _number(line: str) -> float | None:
    try:
        return number(line)
    except ValueError:
        return None
