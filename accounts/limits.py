"""Counting in the cache: how often something happened within a while, and how many tries a sign-in has left."""

import hashlib
import math
import time

from django.core.cache import cache

TRIES_PER_PERSON, TRIES_PER_ADDRESS, PAUSE_SECONDS = 5, 30, 15 * 60
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


def _person(email: str) -> str:
    return "sign-in:person:" + hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _address(address: str) -> str:
    return f"sign-in:address:{address}"


def count_try(email: str, address: str) -> None:
    """Counts before the password is checked, so that tries at the same moment cannot slip through. Raises Paused."""
    for key, limit in ((_address(address), TRIES_PER_ADDRESS), (_person(email), TRIES_PER_PERSON)):
        cache.add(f"{key}:until", int(time.time()) + PAUSE_SECONDS, PAUSE_SECONDS)
        if bump(key, PAUSE_SECONDS) > limit:
            until = cache.get(f"{key}:until") or time.time() + 60
            raise Paused(max(1, int(until - time.time())))


def tries_left(email: str, address: str) -> int:
    of_person = TRIES_PER_PERSON - (cache.get(_person(email)) or 0)
    return max(0, min(of_person, TRIES_PER_ADDRESS - (cache.get(_address(address)) or 0)))


def forgive(email: str, address: str) -> None:
    """After the right password: the person starts anew; the address gets only this try back, or guessing could be reset at will."""
    forget(email)
    try:
        cache.decr(_address(address))
    except ValueError:
        return


def forget(email: str) -> None:
    cache.delete_many([_person(email), f"{_person(email)}:until"])


def sentence_of_failure(email: str, address: str) -> str:
    left = tries_left(email, address)
    pause = f"{PAUSE_SECONDS // 60} min"
    if not left:
        return f"{WRONG} Next try in {pause}."
    return f"{WRONG} {left} {'try' if left == 1 else 'tries'} left, then {pause} pause."
