"""Tests that words and ids of an address put alerts to."""

from collections.abc import Callable

from monitoring.alerts.standing import Member

Test = Callable[[Member], bool]


def word_test(word: str) -> Test:
    """A word anywhere in it, or label:value."""
    name, separator, value = word.replace("=", ":", 1).partition(":")
    if not separator or not name:
        return lambda one: word in one.text
    if name in FIELDS:
        return lambda one: value in FIELDS[name](one).lower() or _has_label(one, name, value)
    return lambda one: word in one.text or _has_label(one, name, value)


def _has_label(one: Member, name: str, value: str) -> bool:
    return any(pair.lower().startswith(f"{name}:") and value in pair[len(name) + 1 :].lower() for pair in one.labels)


FIELDS: dict[str, Callable[[Member], str]] = {
    "severity": lambda one: one.traits.severity,
    "state": lambda one: one.traits.state,
    "alertname": lambda one: one.traits.name,
    "resource": lambda one: one.resource_name,
    "source": lambda one: one.traits.source,
}


def id_test(name: str, pk: int) -> Test:
    if name == "silence":
        return lambda one: pk in one.silences
    return (lambda one: one.resource == pk) if name == "resource" else lambda one: one.rule == pk
