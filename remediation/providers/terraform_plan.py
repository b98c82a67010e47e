"""What Terraform's plans say, as `terraform show -json` and the cloud's json-output write them. Pure."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Changes = Sequence[Mapping[str, Any]]
WORDS = {"create": "to add", "update": "to change", "replace": "to replace", "delete": "to destroy"}
MOST, LONGEST = 200, 120  # lines of a diff; characters of a value
HIDDEN = "(hidden)"


def verb_of(change: Mapping[str, Any]) -> str:
    """create, update, delete, replace, or nothing."""
    actions = [one for one in change.get("change", {}).get("actions", ()) if one not in ("no-op", "read")]
    return "replace" if len(actions) == 2 else actions[0] if actions else ""


def summary(changes: Changes) -> str:
    """2 to add, 1 to change, 1 to destroy."""
    counts = Counter(filter(None, map(verb_of, changes)))
    return ", ".join(f"{counts[verb]} {words}" for verb, words in WORDS.items() if counts[verb]) or "Nothing to change"


def changed(changes: Changes) -> str:
    """Lines that begin with +, - or a space: each resource, and of an update each attribute. What is marked sensitive stays hidden."""
    lines: list[str] = []
    for one in changes:
        verb = verb_of(one)
        if not verb:
            continue
        lines.append(f"{ {'create': '+', 'delete': '-'}.get(verb, ' ') } {one.get('address', '')}  ({verb})")
        if verb in ("update", "replace"):
            lines += _attributes(one["change"])
    cut = [f"  … and {len(lines) - MOST} more lines"] if len(lines) > MOST else []
    return "\n".join([*lines[:MOST], *cut])


def _attributes(change: Mapping[str, Any]) -> list[str]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    found = []
    for name in sorted({*before, *after, *unknown}):
        old, new = before.get(name), after.get(name)
        if old == new and not unknown.get(name):
            continue
        hidden = _marked(change.get("before_sensitive"), name) or _marked(change.get("after_sensitive"), name)
        found += [f"-   {name} = {HIDDEN if hidden else _short(old)}"] if old is not None else []
        found += [f"+   {name} = {HIDDEN if hidden else '(known after apply)' if unknown.get(name) else _short(new)}"]
    return found


def _marked(sensitive: Any, name: str) -> bool:
    """True, or {attribute: true or a structure with true in it}."""
    return sensitive is True or (isinstance(sensitive, Mapping) and bool(sensitive.get(name)))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def hcl(value: Any) -> str:
    """A value as HCL reads it. JSON is HCL but for ${ and %{, which would be evaluated."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
