"""Other systems' words for how bad it is."""

WORDS = {
    "critical": ("critical", "crit", "disaster", "emergency", "emerg", "fatal", "page", "p1", "sev1", "alert", "blocker"),
    "high": ("high", "error", "err", "major", "p2", "sev2", "severe", "urgent"),
    "medium": ("medium", "warning", "warn", "average", "moderate", "p3", "sev3", "ticket"),
    "low": ("low", "info", "information", "informational", "notice", "minor", "none", "p4", "p5", "sev4", "sev5", "debug", "ok"),
}
_OF = {word: severity for severity, words in WORDS.items() for word in words}


def severity_of(word: object, otherwise: str = "medium") -> str:
    """critical, high, medium or low; `otherwise` for a word nobody knows."""
    return _OF.get(str(word).strip().lower(), otherwise)


def is_known(word: object) -> bool:
    return str(word).strip().lower() in _OF
