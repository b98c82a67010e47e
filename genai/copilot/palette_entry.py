"""The palette's last entry: what was typed, as a question to the copilot."""

from typing import Any

from accounts.permissions import can

LONGEST_LABEL = 60


def entry(actor: Any, text: str) -> dict[str, str] | None:
    """static/js/ui.js hands the words on to the panel; nothing is sent before the reader does."""
    if not can(actor, "genai:use"):
        return None
    shown = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
    label = f"Ask copilot about “{shown}”" if text else "Ask copilot"
    return {"label": label, "icon": "copilot", "do": "ask-copilot", "hint": "Ctrl I"}
