"""Reads one mapping of a runbook: each field by its type, and everything that is not known said with its place."""

from collections.abc import Collection, Mapping
from typing import Any

from monitoring.alerts import durations
from remediation import sandbox

LONGEST_WAIT = 7 * 86_400.0  # seconds


class SpecError(ValueError):
    """What is wrong, as a sentence without its place; `place`: steps[2].action.verb."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.message, self.place = message, place


class Fields:
    def __init__(self, raw: Any, place: str, known: Collection[str]) -> None:
        if not isinstance(raw, Mapping):
            raise SpecError("a mapping of names to values is needed here", place)
        self.raw, self.place = raw, place
        for name in raw:
            if name not in known:
                raise SpecError(f"{str(name)[:40]} is not known here; there are {', '.join(known)}", self.at(str(name)[:40]))

    def at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def wrong(self, name: str, message: str) -> SpecError:
        return SpecError(message, self.at(name))

    def given(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def text(self, name: str, usual: str = "", longest: int = 300, needed: bool = False) -> str:
        value = self.raw.get(name)
        if value is None or value == "":
            if needed:
                raise SpecError(f"{name} is missing", self.place or name)
            return usual
        if isinstance(value, Mapping | list):
            raise self.wrong(name, "a text is needed")
        found = sandbox.text(value)
        if len(found) > longest or "\0" in found:
            raise self.wrong(name, f"at most {longest} characters, and no NUL among them")
        return found.strip()

    def template(self, name: str, usual: str = "", longest: int = 4_000, needed: bool = False, late: bool = False) -> str:
        """A text that may have templates; `late`: that may speak of the results of steps."""
        found = self.text(name, usual, longest, needed)
        check_template(found, self.at(name), late)
        return found

    def seconds(self, name: str, usual: float, longest: float = LONGEST_WAIT) -> float:
        if not self.given(name):
            return usual
        value = self.raw[name]
        try:
            found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else durations.seconds(str(value))
        except ValueError as fault:
            raise self.wrong(name, str(fault)) from None
        if not 0 <= found <= longest:
            raise self.wrong(name, f"from 0 to {durations.shown(longest)}")
        return found

    def whole(self, name: str, usual: int, least: int, most: int) -> int:
        value = self.raw.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most} is needed")
        return value

    def choice(self, name: str, choices: Collection[str], usual: str) -> str:
        value = self.raw.get(name, usual)
        if value not in choices:
            raise self.wrong(name, f"one of {', '.join(choices)} is needed, not {str(value)[:40]!r}")
        return str(value)

    def flag(self, name: str, usual: bool = False) -> bool:
        value = self.raw.get(name, usual)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false is needed")
        return value

    def items(self, name: str, most: int = 50) -> list[tuple[str, Any]]:
        """(place, element) of a list; nothing given is an empty one."""
        value = self.raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.wrong(name, "a list is needed")
        if len(value) > most:
            raise self.wrong(name, f"at most {most} of them")
        return [(f"{self.at(name)}[{place}]", one) for place, one in enumerate(value)]

    def texts(self, name: str, most: int = 50) -> tuple[str, ...]:
        value = self.raw.get(name)
        raw = {name: [value] if isinstance(value, str) else value}
        found = []
        for place, one in Fields(raw, self.place, (name,)).items(name, most):
            if isinstance(one, Mapping | list) or one is None:
                raise SpecError("a text is needed", place)
            found.append(sandbox.text(one)[:300])
        return tuple(found)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.raw.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.wrong(name, "a mapping of names to values is needed")
        return {str(key): inner for key, inner in value.items()}


def check_template(template: str, place: str, late: bool = False) -> set[str]:
    """The names it speaks of. Raises SpecError."""
    try:
        names = sandbox.check(template)
    except sandbox.TemplateError as fault:
        raise SpecError(str(fault), place) from None
    if not late and any(name.partition(".")[0] == "steps" for name in names):
        raise SpecError("the results of steps can be spoken of only in params and in the texts of later steps", place)
    return names
