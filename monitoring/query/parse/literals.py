"""Numbers, durations and strings as Prometheus writes them."""

import re

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_ORDER = re.compile(r"(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?")
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_LONGEST = 2**63 // 1_000_000  # a Go duration counts nanoseconds in 63 bits
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)


def duration(text: str) -> int:
    """Milliseconds of 1h30m or 5ms, largest unit first; ValueError for anything else."""
    if text == "0":
        return 0
    if not text or not _ORDER.fullmatch(text):
        raise ValueError(f'not a valid duration string: "{text}"')
    total = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    if total >= _LONGEST:
        raise ValueError("duration out of range")
    return total


def number(text: str) -> float:
    """A number as Go reads it: 0x1F, 017 (octal), 1_000, 1e3, Inf, NaN."""
    plain = text.replace("_", "")
    if re.fullmatch(r"[+-]?0[xX][0-9a-fA-F]+", plain):
        return float(int(plain, 16))
    if re.fullmatch(r"[+-]?0[0-7]+", plain):
        return float(int(plain, 8))
    return float(plain)


def unquote(quoted: str) -> str:
    """The text of a quoted string; bytes that are no UTF-8 become lone surrogates. ValueError for an unknown escape."""
    inner = quoted[1:-1]
    if quoted[0] == "`" or "\\" not in inner:
        return inner
    raw = bytearray()
    end = 0
    for escape in _ESCAPE.finditer(inner):
        raw += inner[end : escape.start()].encode("utf-8", "surrogatepass")
        raw += _escaped(escape[1], quoted[0])
        end = escape.end()
    raw += inner[end:].encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "surrogateescape")


def _escaped(code: str, quote: str) -> bytes:
    if code[0] == "x" and len(code) == 3:
        return bytes([int(code[1:], 16)])
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
    if len(code) == 3:
        return bytes([int(code, 8) & 255])
    if code not in _ESCAPES or (code in "'\"" and code != quote):
        raise ValueError(f'unknown escape sequence "\\{code}"')
    return _ESCAPES[code].encode()


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
