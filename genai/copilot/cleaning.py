"""Takes out of an answer what could carry something away: pictures, and links that lead elsewhere. Pages do not show them anyhow; the
API, an export and what is streamed do not pass them on either."""

import re

from genai.copilot.blocks import own_address

IMAGE = re.compile(r"!\[([^\]\n]*)\]\s*(?:\([^)\n]*\)|\[[^\]\n]*\])")
LINK = re.compile(r"(?<!!)\[([^\]\n]*)\]\(\s*<?([^)\s>]*)>?[^)\n]*\)")
REFERENCE = re.compile(r"^[ ]{0,3}\[[^\]\n]+\]:[ \t]*\S+.*$", re.MULTILINE)
AUTOLINK = re.compile(r"<((?:https?|ftp|mailto|data|javascript):[^>\s]*)>", re.IGNORECASE)
ADDRESS = re.compile(r"\b(?:https?|ftp)://[^\s<>\"')\]]+", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^>\n]*>")
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
LEFT_OUT = "[address left out]"


def clean(text: str) -> str:
    """Code is left as it is: nothing in it is a link."""
    parts = CODE.split(text.replace("\0", ""))
    return "".join(part if at % 2 else _prose(part) for at, part in enumerate(parts))


def _prose(text: str) -> str:
    text = IMAGE.sub(lambda found: found[1], text)
    text = LINK.sub(lambda found: found[0] if own_address(found[2]) else found[1], text)
    text = AUTOLINK.sub(LEFT_OUT, REFERENCE.sub("", text))
    return TAG.sub("", ADDRESS.sub(_without_cargo, text))


def _without_cargo(found: re.Match[str]) -> str:
    """A plain address is a fact ("it listens at http://…"); one with a query may be what somebody wanted carried out."""
    return found[0] if "?" not in found[0] and "#" not in found[0] and len(found[0]) <= 120 else LEFT_OUT
