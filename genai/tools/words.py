"""How tools write what they found: one row a line, each with the evidence that can be cited, texts from outside held on their line."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from aiops.templatetags.ui import NONE, duration, significant
from genai.evidence.models import Evidence
from genai.tools.base import Json
from monitoring.inventory.changes import span

CITATION = re.compile(r"\[(?=\s*(?:E\s*\d+(?:\s*,\s*E\s*\d+)*|guess)\s*\])", re.IGNORECASE)
LONGEST = 300  # characters of one text from outside


def said(text: Any, most: int = LONGEST) -> str:
    """A text from outside: on one line, without what would read as one of our citations, not longer than `most`."""
    flat = " ".join(CITATION.sub("(", str(text)).split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def block(text: Any, most: int) -> str:
    """A longer text from outside, line by line."""
    lines = [" ".join(line.split()) for line in CITATION.sub("(", str(text)).splitlines()]
    whole = "\n".join(line for line in lines if line)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def moment(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M %Z}" if at else NONE


def lasted(start: datetime, end: datetime | None) -> str:
    return f"lasted {span(max(0.0, (end - start).total_seconds()))}" if end else "goes on"


def many(count: int, one: str, several: str = "") -> str:
    """1 alert, 2,000 alerts."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def labelled(labels: Json) -> str:
    """{instance="web-1", job="node"}, without the name."""
    inside = ", ".join(f'{said(key, 60)}="{said(text, 120)}"' for key, text in sorted(labels.items()) if key != "__name__")
    return f"{{{inside}}}"


def cited(evidence: Evidence | None) -> str:
    """[E12] in front of what it shows."""
    return f"[E{evidence.pk}] " if evidence is not None else ""


def lines(head: str, rows: Iterable[str], more: int = 0, hint: str = "ask more narrowly") -> str:
    """`more`: how many there are beyond these rows."""
    listed = [f"- {row}" for row in rows]
    cut = [f"… and {more:,} more; {hint}."] if more > 0 else []
    return "\n".join([head, *listed, *cut])


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> Json:
    """A block: each cell (text, url), url empty where there is nothing to open."""
    cells = [[{"text": text, "url": url} if url else {"text": text} for text, url in row] for row in rows]
    return {"type": "table", "title": title, "columns": list(columns), "rows": cells}


__all__ = ["NONE", "block", "cited", "duration", "labelled", "lasted", "lines", "many", "moment", "said", "significant", "table"]
