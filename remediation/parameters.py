"""What a runbook or a verb is given: each value by what its field declares. Values are values: nothing in them is read as a template."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from monitoring.alerts import durations
from remediation import sandbox
from remediation.providers.base import Parameter

TYPES = ("string", "integer", "number", "boolean", "duration", "choice", "list", "object")
LONGEST, MOST_ITEMS, LARGEST_OBJECT, DEEPEST = 4_000, 200, 32_000, 12  # characters, elements, characters as JSON, levels
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")


class ParameterError(ValueError):
    """What is wrong with one field, as a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field, self.sentence = field, sentence


def validate(fields: Iterable[Parameter], given: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """{name: value} of the types that are declared; what is not given has its default, filled in from the context (render.context), or is
    left out. `given` holds no templates: fill those with render.values first. Raises ParameterError."""
    fields = list(fields)
    known = {field.name for field in fields}
    if unknown := next((str(name) for name in given if name not in known), None):
        raise ParameterError(unknown[:60], f"There is no parameter {unknown[:60]!r}; there are {', '.join(sorted(known)) or 'none'}.")
    found = {}
    for field in fields:
        value = given.get(field.name)
        if _empty(value):
            value = _default(field, context or {})
        if not _empty(value):
            found[field.name] = read(field, value)
        elif field.required:
            raise ParameterError(field.name, f"{field.label or field.name} has to be given.")
    return found


def defaults(fields: Iterable[Parameter], context: Mapping[str, Any]) -> dict[str, Any]:
    """For a form: the defaults as far as they can be filled in."""
    found = {}
    for field in fields:
        try:
            value = _default(field, context)
            if not _empty(value):
                found[field.name] = read(field, value)
        except ParameterError:
            continue
    return found


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _default(field: Parameter, context: Mapping[str, Any]) -> Any:
    """None where it speaks of what is not there: of an alert, when there is none."""
    if not sandbox.has_marks(field.default):
        return field.default
    try:
        return sandbox.value(field.default, context)
    except sandbox.TemplateError:
        return None


def read(field: Parameter, value: Any) -> Any:
    """One value, also as a form or a label writes it: "5" of an integer is 5. Raises ParameterError."""
    reader = _READERS.get(field.type)
    if reader is None:
        raise ParameterError(field.name, f"There is no type {field.type!r}; there are {', '.join(TYPES)}.")
    try:
        found = reader(field, value)
    except (ValueError, TypeError, OverflowError, RecursionError) as fault:
        raise ParameterError(field.name, f"{field.label or field.name}: {fault}.") from None
    return found


def _string(field: Parameter, value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise ValueError("a text is needed")
    found = sandbox.text(value)
    if len(found) > LONGEST:
        raise ValueError(f"at most {LONGEST} characters")
    _storable(found)
    if field.pattern and not re.fullmatch(field.pattern, found):
        raise ValueError(f"{found[:60]!r} does not match {field.pattern}")
    return found


def _storable(text: str) -> None:
    """Databases take neither NUL nor half of a pair of surrogates."""
    if "\0" in text:
        raise ValueError("a NUL character is not allowed")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("this is not valid Unicode")


def _choice(field: Parameter, value: Any) -> str:
    found = _string(field, value)
    if found not in field.choices:
        raise ValueError(f"one of {', '.join(field.choices)} is needed, not {found[:60]!r}")
    return found


def _number(field: Parameter, value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    found = sandbox.number(value)
    if not math.isfinite(found):
        raise ValueError("a finite number is needed")
    _within(field, found, f"{found:.15g}")
    return found


def _integer(field: Parameter, value: Any) -> int:
    found = _number(field, value)
    if not found.is_integer() or abs(found) > 2**53:
        raise ValueError(f"a whole number is needed, not {sandbox.text(value)[:40]}")
    return int(found)


def _boolean(_field: Parameter, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = sandbox.text(value).strip().lower()
    if word not in (*_YES, *_NO):
        raise ValueError(f"true or false is needed, not {word[:40]!r}")
    return word in _YES


def _duration(field: Parameter, value: Any) -> float:
    """Seconds."""
    if isinstance(value, bool):
        raise ValueError("a duration is needed")
    found = float(value) if isinstance(value, int | float) else _seconds(sandbox.text(value))
    if not math.isfinite(found) or found < 0:
        raise ValueError("a duration is needed, for example 30s, 5m or 7d")
    _within(field, found, durations.shown(found))
    return found


def _seconds(given: str) -> float:
    try:
        return float(given)
    except ValueError:
        return float(durations.seconds(given))


def _within(field: Parameter, found: float, shown: str) -> None:
    say = durations.shown if field.type == "duration" else "{:.15g}".format
    if field.minimum is not None and found < field.minimum:
        raise ValueError(f"at least {say(field.minimum)} is needed, not {shown}")
    if field.maximum is not None and found > field.maximum:
        raise ValueError(f"at most {say(field.maximum)} is allowed, not {shown}")


def _list(field: Parameter, value: Any) -> list[str]:
    """Of texts; a text has one on each line."""
    items = [line.strip() for line in value.splitlines() if line.strip()] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError("a list is needed")
    if len(items) > MOST_ITEMS:
        raise ValueError(f"at most {MOST_ITEMS} elements")
    return [_string(field, item) for item in items]


def _object(_field: Parameter, value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise ValueError("a mapping of names to values is needed")
    _shallow(found, DEEPEST)
    text = json.dumps(found, allow_nan=False, ensure_ascii=False)  # TypeError for what JSON does not have
    _storable(text.replace("\\u0000", "\0"))
    if len(text) > LARGEST_OBJECT:
        raise ValueError(f"at most {LARGEST_OBJECT} characters as JSON")
    again: dict[str, Any] = json.loads(text)
    return again


def _shallow(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError(f"at most {DEEPEST} levels")
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        _shallow(inner, left - 1)


_READERS: dict[str, Callable[[Parameter, Any], Any]] = {
    "string": _string,
    "choice": _choice,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "duration": _duration,
    "list": _list,
    "object": _object,
}
