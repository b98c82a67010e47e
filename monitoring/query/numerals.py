"""Numbers as text, the way Go writes them."""

import math

import numpy as np


def number_text(value: float) -> str:
    """As Go's %v and %g write it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 1e21 else repr(float(value))


def plain_text(value: float) -> str:
    """Shortest digits that read back the same, without an exponent."""
    if not math.isfinite(value):
        return number_text(value)
    return np.format_float_positional(value, trim="-")


def share_text(share: float) -> str:
    """As OpenMetrics writes a quantile: whole numbers with .0."""
    text = number_text(share)
    return f"{text}.0" if text.lstrip("-").isdigit() else text
