"""Secrets in command lines: what a process was started with is shown, what it was trusted with is not."""

import re
from collections.abc import Sequence

MASK = "[masked]"
READ = 1000  # characters looked at: command lines reach megabytes, and what is shown is short
_NAMES = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|api[-_]?key|access[-_]?key|private[-_]?key|auth|cookie|signature)"
_FLAG = re.compile(rf"--?[\w.-]*{_NAMES}[\w.-]*", re.IGNORECASE)
_RULES = (
    (
        re.compile(rf"([\w.-]*{_NAMES}[\w.-]*[\"']?\s*[=:]\s*)(?:(?:bearer|basic|token)\s+)?(\"[^\"]*\"|'[^']*'|[^\s&;,]+)", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(rf"(--?[\w.-]*{_NAMES}[\w.-]*\s+)(?!-)(\S+)", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(\w+://[^\s:/@]*:)[^\s@]+(?=@)"), rf"\1{MASK}"),  # user:password@ in an address
    (re.compile(r"((?:^|\s)(?:-u|--user)[\s=]+[^\s:]+:)\S+"), rf"\1{MASK}"),  # curl -u user:password
    (re.compile(r"(\bmysql\w*\b.*?\s-p)(?=\S)[^\s]+"), rf"\1{MASK}"),  # mysql -psecret
    (
        re.compile(
            r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|glpat-[\w-]{16,}|xox[abpr]-[\w-]{10,}|sk-[\w-]{16,}|aio_\w{8,}|eyJ[\w-]{8,}\.[\w.-]+)"
        ),
        MASK,
    ),
)


def masked(text: str) -> str:
    """The text with everything that looks like a secret's value replaced."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def command_line(arguments: Sequence[str], longest: int = 200) -> str:
    """One line, masked, then cut. An argument that follows a secret's flag is masked whole, blanks and all."""
    shown = [MASK if _follows(arguments, place) else argument for place, argument in enumerate(arguments)]
    line = masked(" ".join(" ".join(shown)[:READ].split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _follows(arguments: Sequence[str], place: int) -> bool:
    return place > 0 and bool(_FLAG.fullmatch(arguments[place - 1])) and not arguments[place].startswith("-")
