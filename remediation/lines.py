"""The output of steps: secrets masked, kept within bounds, and shown to those who watch."""

import re
from collections.abc import Iterable, Sequence

from django.db import models
from django.db.models.functions import Length
from django.utils import timezone

from accounts.audit import MASK
from monitoring.live import publish
from remediation.models import LogLine, Step
from remediation.providers.base import LONGEST_LINE, MOST_LINES, MOST_OUTPUT, ActionProvider, Line

LEVELS = ("info", "ok", "warning", "error")
LIVE = 200  # lines of one event
CUT = f"More output is left out: a step keeps {MOST_LINES} lines and {MOST_OUTPUT // 1024} KiB."
_NAME = r"[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|signature)[\w-]*"
_VALUE = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&\"'}\])]+"
_SECRETS = (
    (re.compile(r"\b(authorization[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+", re.I), rf"\1{MASK}"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.I), rf"\1 {MASK}"),
    (re.compile(rf"(?<![\w-])((?:--?)?[\"']?{_NAME}[\"']?\s*[:=]\s*)(?:{_VALUE})", re.I), rf"\1{MASK}"),
    (re.compile(rf"(?<![\w-])(--{_NAME}\s+)(?:{_VALUE})", re.I), rf"\1{MASK}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(@)", re.I), rf"\1{MASK}\2"),
    (re.compile(r"\b(?:gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|aio_\w{16,})"), MASK),
)
_KEY_BEGINS, _KEY_ENDS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def mask(text: str) -> str:
    """Without what looks like a secret, whoever wrote it there."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def masked(lines: Iterable[Line], provider: ActionProvider | None = None, inside: bool = False) -> tuple[list[Line], bool]:
    """Also blocks of private keys, over several lines and several calls; whether one has not ended."""
    found: list[Line] = []
    for line in (Line(part, one.level) for one in lines for part in (one.text.splitlines() or [""])):
        begins = _KEY_BEGINS.search(line.text)
        if begins and not inside:
            found.append(Line(f"{line.text[: begins.start()]}{MASK}", line.level))
        elif not inside:
            clean = _CONTROL.sub("", line.text)
            found.append(Line(mask(provider.masked(clean) if provider else clean), line.level))
        inside = (inside or bool(begins)) and not _KEY_ENDS.search(line.text)
    return found, inside


def add(step: Step, lines: Sequence[Line], provider: ActionProvider | None = None) -> None:
    """What is beyond the bounds is left out, and one line says so."""
    if not lines:
        return
    clean, inside = masked(lines, provider, bool(step.facts.get("_key")))
    if inside != bool(step.facts.get("_key")):
        step.facts = {**step.facts, "_key": inside}
        Step.objects.filter(pk=step.pk).update(facts=step.facts)
    now = timezone.now()
    rows = [LogLine(step=step, time=now, level=one.level, text=one.text) for one in _within(step, clean)]
    LogLine.objects.bulk_create(rows, batch_size=500)
    told = [{"id": row.pk, "time": now.isoformat(), "level": row.level, "text": row.text} for row in rows[-LIVE:]]
    publish.publish_on_commit(f"execution:{step.execution_id}", {"kind": "lines", "step": step.pk, "lines": told})


def say(step: Step, text: str, level: str = "info") -> None:
    """One line of our own."""
    add(step, [Line(text, level)])


def _within(step: Step, lines: Sequence[Line]) -> list[Line]:
    held = step.lines.aggregate(count=models.Count("pk"), size=models.Sum(Length("text")))
    count, size = held["count"], held["size"] or 0
    kept: list[Line] = []
    for line in lines:
        text = line.text if len(line.text) <= LONGEST_LINE else f"{line.text[:LONGEST_LINE]} …"
        count, size = count + 1, size + len(text.encode())
        if count > MOST_LINES or size > MOST_OUTPUT:
            cut = step.lines.filter(text=CUT).exists()
            return kept if cut else [*kept, Line(CUT, "warning")]
        kept.append(Line(text, line.level if line.level in LEVELS else "info"))
    return kept
