"""Digest of a series' identity, and what a key must be to be kept."""

import hashlib

from monitoring.store.batch import SeriesKey

LONGEST_METRIC = 255
LONGEST_KEY = 8192  # bytes of metric and labels together


def digest(key: SeriesKey) -> bytes | None:
    """None for a key that cannot be kept: no or too long a name, NUL or half a surrogate pair in it."""
    if not key.metric or len(key.metric) > LONGEST_METRIC:
        return None
    parts = [key.metric, *(part for label in key.labels for part in label)]
    try:
        text = b"\xff".join([part.encode() for part in parts])  # 0xff is in no UTF-8 text
    except UnicodeEncodeError:
        return None
    if len(text) > LONGEST_KEY or b"\0" in text:
        return None
    return hashlib.blake2b(text, digest_size=16).digest()
