"""Faults that rooms raise and the platform answers. Imports nothing, so that models may use it."""


class Unavailable(Exception):
    """Base of every fault that is ours and will pass: answered as 503 with Retry-After."""

    retry_after = 5  # seconds
