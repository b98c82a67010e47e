"""What templates can call, as Prometheus defines it: numbers for people, texts, comparisons, results of queries."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from monitoring.alerts.durations import seconds

_LARGE = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"]
_BINARY = ["", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]
_SMALL = ["", "m", "u", "n", "p", "f", "a", "z", "y"]
_VERB = re.compile(r"%([-+# 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])")
_WIDEST = 200  # characters a verb may be told to fill


@dataclass(frozen=True)
class Sample:
    """One series that a query in a template answered."""

    labels: Mapping[str, str]
    value: float

    def field(self, name: str) -> Any:
        return {"Labels": self.labels, "Value": self.value}.get(name)


def number(value: Any) -> float:
    """Raises ValueError for what is no number."""
    if isinstance(value, bool):
        return float(value)
    try:
        return float(value if value is not None else "nil")
    except (TypeError, ValueError):
        raise ValueError(f"{text(value)[:40]!r} is not a number") from None


def text(value: Any) -> str:
    """As Go prints it with %v."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{name}:{text(inner)}" for name, inner in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(text, value)) + "]"
    return str(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        exact = repr(value)
        return (f"{value:f}".rstrip("0").rstrip(".") if "e" in exact else exact.removesuffix(".0")) or "0"
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent or 0):+03d}" if exponent else f"{value:e}"


def _plain(value: float) -> str:
    if math.isnan(value) or math.isinf(value):
        return _float(value)
    return f"{value:.4g}"


def _scaled(value: float, step: float, prefixes: Sequence[str]) -> tuple[float, str]:
    place = 0
    while place < len(prefixes) - 1 and (abs(value) >= step if step > 1 else abs(value) < 1):
        value, place = value / step, place + 1
    return value, prefixes[place]


def humanize(given: Any) -> str:
    value = number(given)
    if value == 0 or math.isnan(value) or math.isinf(value):
        return _plain(value)
    value, prefix = _scaled(value, 1000, _LARGE) if abs(value) >= 1 else _scaled(value, 1 / 1000, _SMALL)
    return f"{value:.4g}{prefix}"


def humanize_1024(given: Any) -> str:
    value = number(given)
    if abs(value) <= 1 or math.isnan(value) or math.isinf(value):
        return _plain(value)
    value, prefix = _scaled(value, 1024, _BINARY)
    return f"{value:.4g}{prefix}"


def humanize_duration(given: Any) -> str:
    """Of seconds."""
    value = number(given)
    if math.isnan(value) or math.isinf(value):
        return _plain(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        value, prefix = _scaled(value, 1 / 1000, _SMALL)
        return f"{value:.4g}{prefix}s"
    sign, whole = ("-" if value < 0 else ""), int(abs(value))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), 3)
    return f"{value:.4g}s" if first == 3 else sign + " ".join(f"{count}{unit}" for count, unit in parts[first:])


def humanize_percentage(given: Any) -> str:
    return f"{_plain(number(given) * 100)}%"


def humanize_timestamp(given: Any) -> str:
    value = number(given)
    try:
        when = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return _plain(value)
    fraction = f"{value % 1:.3f}"[1:].rstrip("0").rstrip(".")
    return when.strftime("%Y-%m-%d %H:%M:%S") + fraction + " +0000 UTC"


def printf(form: Any, *values: Any) -> str:
    left = list(values)

    def verb(found: re.Match[str]) -> str:
        if found[4] == "%":
            return "%"
        if not left:
            return f"%!{found[4]}(MISSING)"
        if int(found[2] or 0) > _WIDEST or int(found[3] or 0) > _WIDEST:
            raise ValueError(f"{found[0]} is wider than {_WIDEST} characters")
        return _verb(found, left.pop(0))

    return _VERB.sub(verb, str(form))


def _verb(found: re.Match[str], value: Any) -> str:
    flags, width, precision, kind = found.groups()
    head = f"%{flags}{width}" + (f".{precision}" if precision is not None else "")
    if kind in "dxXoc":
        return f"{head}{kind}" % int(number(value))
    if kind in "feEgG":
        return f"{head}{kind}" % number(value)
    if kind == "q":
        return f"{head}s" % ('"' + text(value).replace("\\", "\\\\").replace('"', '\\"') + '"')
    if kind in "vs" and precision is not None and isinstance(value, float):
        return f"{head}g" % value
    return f"{head}s" % text(value)


def index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(text(key), "")
        else:
            place = int(number(key))
            if not 0 <= place < len(value):
                raise ValueError(f"there is no element {place}")
            value = value[place]
    return value


def _same(first: Any, *others: Any) -> bool:
    return any(_key(first) == _key(other) for other in others)


def _key(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _first(rows: Sequence[Any]) -> Any:
    if not rows:
        raise ValueError("first() called on a result with no series")
    return rows[0]


def _pattern(expression: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(expression))
    except re.error as fault:
        raise ValueError(f"the regular expression {str(expression)[:40]!r} cannot be read: {fault}") from None


def _replace(expression: Any, replacement: Any, value: Any) -> str:
    return _pattern(expression).sub(re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", str(replacement)), text(value))


def _label(name: Any, sample: Any) -> str:
    return str(sample.labels.get(str(name), ""))


def _sorted(name: Any, rows: Sequence[Sample]) -> list[Sample]:
    return sorted(rows, key=lambda one: one.labels.get(str(name), ""))


def _host(value: Any) -> str:
    found = text(value)
    return found.rpartition(":")[0].strip("[]") if re.fullmatch(r"(\[.*\]|[^:]*):\d+", found) else found


def _short_host(value: Any) -> str:
    host, port = _host(value), text(value)[len(_host(value)) :]
    return text(value) if re.fullmatch(r"[\d.]+|.*:.*", host) else host.partition(".")[0] + port


# Name → (function, fewest arguments, most; None = any number).
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    "humanize": (humanize, 1, 1),
    "humanize1024": (humanize_1024, 1, 1),
    "humanizeDuration": (humanize_duration, 1, 1),
    "humanizePercentage": (humanize_percentage, 1, 1),
    "humanizeTimestamp": (humanize_timestamp, 1, 1),
    "printf": (printf, 1, None),
    "print": (lambda *values: "".join(map(text, values)), 0, None),
    "println": (lambda *values: " ".join(map(text, values)) + "\n", 0, None),
    "index": (index, 1, None),
    "len": (len, 1, 1),
    "eq": (_same, 2, None),
    "ne": (lambda a, b: _key(a) != _key(b), 2, 2),
    "lt": (lambda a, b: _key(a) < _key(b), 2, 2),
    "le": (lambda a, b: _key(a) <= _key(b), 2, 2),
    "gt": (lambda a, b: _key(a) > _key(b), 2, 2),
    "ge": (lambda a, b: _key(a) >= _key(b), 2, 2),
    "and": (lambda *values: next((value for value in values if not value), values[-1]), 1, None),
    "or": (lambda *values: next((value for value in values if value), values[-1]), 1, None),
    "not": (lambda value: not value, 1, 1),
    "first": (_first, 1, 1),
    "value": (lambda sample: sample.value, 1, 1),
    "strvalue": (lambda sample: sample.labels.get("__value__", ""), 1, 1),
    "label": (_label, 2, 2),
    "sortByLabel": (_sorted, 2, 2),
    "title": (lambda value: " ".join(word[:1].upper() + word[1:] for word in text(value).split(" ")), 1, 1),
    "toUpper": (lambda value: text(value).upper(), 1, 1),
    "toLower": (lambda value: text(value).lower(), 1, 1),
    "match": (lambda expression, value: bool(_pattern(expression).search(text(value))), 2, 2),
    "reReplaceAll": (_replace, 3, 3),
    "stripPort": (_host, 1, 1),
    "stripDomain": (_short_host, 1, 1),
    "parseDuration": (lambda value: seconds(text(value)), 1, 1),
    "toTime": (lambda value: datetime.fromtimestamp(number(value), UTC), 1, 1),
    "safeHtml": (text, 1, 1),
    "html": (lambda value: text(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), 1, 1),
    "urlquery": (lambda value: quote(text(value), safe=""), 1, 1),
    "graphLink": (lambda query: f"/explore/?q={quote(text(query), safe='')}", 1, 1),
    "tableLink": (lambda query: f"/explore/?q={quote(text(query), safe='')}", 1, 1),
    "externalURL": (lambda: "", 0, 0),
    "pathPrefix": (lambda: "", 0, 0),
    "query": (lambda text: [], 1, 1),  # replaced by whoever renders
}
