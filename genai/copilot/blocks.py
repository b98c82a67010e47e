"""What stands beside the words of an answer: a chart, a table, a drafted rule, a proposal, ranked causes.

Tools hand them over; here they are bounded, so that a row stays a row, and marked with the permission of the tool they came from
("permission"): whoever opens a shared conversation sees those that they may see. All texts in them come from outside: pages escape them.

    {"type": "series", "evidence": id, "title"}                          a small chart of that evidence
    {"type": "table", "title", "columns": [..], "rows": [[{"text", "url"?}]]}
    {"type": "rule_draft", "rule": {...}, "backtest": {...}, "url"}      `url`: the rule editor with it filled in
    {"type": "proposal", "execution": id, "title", "state", "url"}       a case that was filed, as it stood then
    {"type": "causes", "analysis": id}
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.http import url_has_allowed_host_and_scheme

from accounts.permissions import PERMISSIONS, can

Block = dict[str, Any]
TYPES = frozenset({"series", "table", "rule_draft", "proposal", "causes"})
MOST = 12  # of one answer
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 50, 12, 300
LARGEST = 64 * 1024  # characters of one, as JSON
READ = "monitoring:read"


def kept(found: Iterable[Block], permission: str, already: Sequence[Block] = ()) -> list[Block]:
    """Those of a tool's blocks that an answer takes: of a known type, not too large, not there already, no more than MOST in all."""
    taken: list[Block] = []
    for block in found:
        made = _bounded(block) | {"permission": permission}
        if made.get("type") in TYPES and made not in already and made not in taken and _small(made):
            taken.append(made)
    return taken[: max(0, MOST - len(already))]


def visible(blocks: Iterable[Block], actor: Any) -> list[Block]:
    """A block that names no permission, or one there is no more, is nobody's."""
    return [block for block in blocks if (needed := block.get("permission", "")) in PERMISSIONS and can(actor, needed)]


def own_address(url: object) -> str:
    """An address on this platform; empty for any other."""
    ours = isinstance(url, str) and url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return str(url) if ours else ""


def _bounded(block: Block) -> Block:
    made = dict(block)
    if "url" in made:
        made["url"] = own_address(made["url"])
    if made.get("type") == "table":
        made["columns"] = [str(name)[:LONGEST_CELL] for name in made.get("columns", [])[:MOST_COLUMNS]]
        made["left_out"] = max(0, len(made.get("rows", [])) - MOST_ROWS)
        made["rows"] = [[_cell(cell) for cell in row[:MOST_COLUMNS]] for row in made.get("rows", [])[:MOST_ROWS]]
    return made


def _cell(cell: Any) -> dict[str, str]:
    given = cell if isinstance(cell, dict) else {"text": cell}
    shown = {"text": str(given.get("text", ""))[:LONGEST_CELL]}
    url = own_address(given.get("url"))
    return shown | ({"url": url} if url else {})


def _small(block: Block) -> bool:
    try:
        return len(json.dumps(block, allow_nan=False)) <= LARGEST
    except (TypeError, ValueError):
        return False
