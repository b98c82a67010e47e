"""Query text cut into tokens with their places: what completion and the marking of mistakes stand on. It judges nothing."""

import re
from typing import NamedTuple

_PARTS = {
    "space": r"\s+",
    "comment": r"#[^\n]*",
    "string": r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`',
    "open_string": r'"(?:\\.|[^"\\])*\Z|\'(?:\\.|[^\'\\])*\Z|`[^`]*\Z',
    "duration": r"(?:\d+(?:ms|[smhdwy]))+",
    "number": r"0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?",
    "name": r"[A-Za-z_:][A-Za-z0-9_:]*",
    "compare": r"=~|!~|==|!=|<=|>=|<|>",
    "assign": r"=",
    "sign": r"[+-]",
    "operator": r"[*/%^]",
    "at": r"@",
    "open": r"[({\[]",
    "close": r"[)}\]]",
    "comma": r",",
    "colon": r":",
    "other": r".",
}
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PARTS.items()), re.S)
CLOSES = {"(": ")", "{": "}", "[": "]"}


class Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokens(text: str) -> list[Token]:
    """Without spaces and comments."""
    found = (Token(str(match.lastgroup), match[0], match.start()) for match in _TOKEN.finditer(text))
    return [token for token in found if token.kind not in {"space", "comment"}]
