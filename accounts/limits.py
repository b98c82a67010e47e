"""Counting in the cache: how often something happened within a while, and how many tries a sign-in has left."""

import hashlib
import ipaddress
import math
import time

from django.core.cache import cache

TRIES, TRIES_PER_ADDRESS, PAUSE_SECONDS = 5, 30, 15 * 60  # for one person from one address; for everybody from one address
TRIES_PER_PERSON = 50  # from everywhere: well above TRIES, or a stranger could keep a person out by typing their address
WRONG = "E-mail or password is wrong."
CODES_PAUSED = "Too many wrong codes; try again in 5 minutes."


class Paused(Exception):
    """Too many tries; `seconds` until the next one counts."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"Too many tries; try again in {math.ceil(seconds / 60)} min.")


def bump(key: str, seconds: int) -> int:
    """One more; the count starts again `seconds` after its first. Safe between threads and processes."""
    cache.add(key, 0, seconds)
    try:
        count = cache.incr(key)
        if count == 1:  # Redis makes a key that ran out just now anew, without an end
            cache.touch(key, seconds)
        return count
    except ValueError:  # it ran out between the two calls
        cache.set(key, 1, seconds)
        return 1


def network(address: str) -> str:
    """Who has one IPv6 address has 2^64 of them: they count as one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


def _person(email: str) -> str:
    return "sign-in:person:" + hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _address(address: str) -> str:
    return f"sign-in:address:{network(address)}"


def _pair(email: str, address: str) -> str:
    return f"{_person(email)}:{network(address)}"


def _limits(email: str, address: str) -> list[tuple[str, int]]:
    return [(_address(address), TRIES_PER_ADDRESS), (_pair(email, address), TRIES), (_person(email), TRIES_PER_PERSON)]


def count_try(email: str, address: str) -> None:
    """Counts before the password is checked, so that tries at the same moment cannot slip through. Raises Paused."""
    for key, limit in _limits(email, address):
        cache.add(f"{key}:until", int(time.time()) + PAUSE_SECONDS, PAUSE_SECONDS)
        if bump(key, PAUSE_SECONDS) > limit:
            until = cache.get(f"{key}:until") or time.time() + 60
            raise Paused(max(1, int(until - time.time())))


def tries_left(email: str, address: str) -> int:
    return max(0, min(limit - (cache.get(key) or 0) for key, limit in _limits(email, address)))


def forgive(email: str, address: str) -> None:
    """After the right password: the person starts anew; the address gets only this try back, or guessing could be reset at will."""
    forget(email, address)
    try:
        cache.decr(_address(address))
    except ValueError:
        return


def forget(email: str, address: str) -> None:
    cache.delete_many([f"{key}{what}" for key in (_person(email), _pair(email, address)) for what in ("", ":until")])


def sentence_of_failure(email: str, address: str) -> str:
    left = tries_left(email, address)
    pause = f"{PAUSE_SECONDS // 60} min"
    if not left:
        return f"{WRONG} Next try in {pause}."
    return f"{WRONG} {left} {'try' if left == 1 else 'tries'} left, then {pause} pause."
