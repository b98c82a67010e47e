"""What a question names: a resource by its name, an incident or an alert by its number."""

import re

from django.db.models import Q
from django.db.models.functions import Lower

from monitoring.inventory.models import Resource
from remediation.models import Execution

TOKEN = re.compile(r"[\w][\w.:/@-]*\w|\w")
INCIDENT = re.compile(r"\b(?:INC-|incident\s+#?(?:INC-)?)(\d{1,18})\b", re.IGNORECASE)
ALERT = re.compile(r"\balert\s+#?(\d{1,18})\b", re.IGNORECASE)
OF = re.compile(r"\b(?:status|state|health) of\s+(?:the\s+)?[`\"']?([\w][\w.:/@-]*\w|\w)[`\"']?", re.IGNORECASE)
MOST_TOKENS = 40
HOST_PART = 3  # letters at least, of a name that is meant without its domain


def resources(question: str) -> list[str]:
    """Names of those that it names, in its order; one that reports first where two have a name."""
    tokens = list(dict.fromkeys(token.lower() for token in TOKEN.findall(question)))[:MOST_TOKENS]
    if not tokens:
        return []
    wanted = Q(low__in=tokens)
    for token in tokens:
        if len(token) >= HOST_PART and any(letter.isdigit() for letter in token):
            wanted |= Q(low__startswith=f"{token}.")
    rows = Resource.objects.annotate(low=Lower("name")).filter(wanted).order_by("state", "pk").values_list("name", "low")[:50]
    place = {token: at for at, token in enumerate(tokens)}
    found = sorted(rows, key=lambda row: place.get(row[1], place.get(row[1].partition(".")[0], len(tokens))))
    return list(dict.fromkeys(name for name, _ in found))


def numbered(question: str) -> dict[str, str]:
    if found := INCIDENT.search(question):
        return {"incident": f"INC-{found[1]}"}
    return {"alert": found[1]} if (found := ALERT.search(question)) else {}


def behind(question: str) -> str | None:
    """The name in "status of <name>", of a resource that there may not be."""
    found = OF.search(question)
    return found[1] if found and found[1].lower() not in ("this", "it", "the", "all", "everything", "things", "platform") else None


def of_subject(found: re.Match[str]) -> str:
    """ "incident:7" as people call it; a window is named by its resource."""
    kind, number = found[1], found[2]
    if kind == "window":
        return Resource.objects.filter(pk=int(number)).values_list("name", flat=True).first() or "this resource"
    return f"INC-{number}" if kind == "incident" else f"alert {number}"


def case_of(subject: str) -> str:
    """The title of the case in "execution:7"."""
    number = subject.partition(":")[2]
    title = Execution.objects.filter(pk=int(number)).values_list("title", flat=True).first() if number.isdecimal() else None
    return title[:200] if title else ""
