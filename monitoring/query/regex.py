"""Go's regular expressions (RE2) run by Python's `re`: the same language where both have it, a clear error where they differ."""

import re
from functools import lru_cache

from monitoring.query.errors import ParseError


@lru_cache(maxsize=1024)
def compile_anchored(pattern: str) -> re.Pattern[str]:
    """For fullmatch; a dot matches newlines, as in Prometheus. Raises ParseError for what RE2 would refuse."""
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise ParseError(f"error parsing regexp: {error}") from error
