"""What alerts are chosen by, on pages as in the API."""

from monitoring.alerts.models import Alert, Severity

CHOICES = {
    "state": Alert.State.values,
    "severity": Severity.values,
    "ownership": Alert.Ownership.values,
    "kind": Alert.Kind.values,
}
LARGEST_ID = 2**62


def as_id(text: str) -> int | None:
    """A number that can be a row's; None for anything else."""
    found = int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None
    return found if found is None or found <= LARGEST_ID else None


def unknown(name: str, wanted: set[str]) -> str:
    """One sentence about a value that cannot be; "" where all can."""
    strange = sorted(wanted - set(CHOICES[name]))
    return f"{strange[0][:40]} is not known; there are {', '.join(CHOICES[name])}." if strange else ""
