"""What a command provider may do, as its configuration lists it: programs with the arguments they take, directories, services, logs, names.

A program is a line `name = /path/of/program word {pattern} …`: words are given as they are, a `{pattern}` takes one argument that it
matches as a whole (a regular expression), `{pattern}*` the rest of them. Nothing passes through a shell on this machine.
"""

import itertools
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_ARGUMENT, MOST_ARGUMENTS = 4096, 64
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@\\-]{0,200}")
PLACE = re.compile(r"(?P<before>[^{}]*)\{(?P<pattern>.+)\}(?P<many>\*?)", re.DOTALL)
ENVIRONMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:=(?P<value>.*))?")
# Loaders and interpreters run what these name: never passed on from our own environment or set.
UNSAFE = re.compile(r"LD_.*|PYTHON.*|PERL.*|RUBY.*|NODE_OPTIONS|BASH_ENV|ENV|IFS|SHELLOPTS|AIOPS_.*|DATABASE_URL|REDIS_URL")
NEVER_BELOW = ("/proc", "/sys", "/dev", "/boot", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib")
NEVER_ITSELF = ("/", "/usr", "/var", "/home", "/root", "/run", "/opt", "/srv", "/var/lib", "/mnt", "/media")


class NotAllowed(Exception):
    """One sentence for people."""


@dataclass(frozen=True)
class Place:
    """Where an argument goes."""

    before: str
    pattern: re.Pattern[str]
    many: bool

    def take(self, value: str) -> str:
        """Raises NotAllowed."""
        if not self.pattern.fullmatch(value):
            raise NotAllowed(f"the argument {value[:80]!r} does not match {self.pattern.pattern}")
        if value.startswith("-") and not self.before and not self.pattern.pattern.startswith("-"):
            raise NotAllowed(f"the argument {value[:80]!r} reads as an option, and {self.pattern.pattern} does not begin with -")
        return self.before + value


@dataclass(frozen=True)
class Program:
    name: str
    words: tuple[str | Place, ...]  # the first is the path

    @property
    def path(self) -> str:
        return str(self.words[0])

    def argv(self, given: Sequence[str]) -> list[str]:
        """Raises NotAllowed where an argument does not fit, is missing or is one too many."""
        left = [_clean(value) for value in given]
        made: list[str] = []
        for word in self.words:
            if isinstance(word, str):
                made.append(word)
            elif word.many:
                made += [word.take(value) for value in left]
                left = []
            elif left:
                made.append(word.take(left.pop(0)))
            else:
                raise NotAllowed(f"{self.name} needs an argument that matches {word.pattern.pattern}")
        if left:
            raise NotAllowed(f"{self.name} takes no argument {left[0][:80]!r}")
        return made


def _clean(value: str) -> str:
    if len(value) > LONGEST_ARGUMENT:
        raise NotAllowed(f"an argument is longer than {LONGEST_ARGUMENT:,} characters")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise NotAllowed("an argument holds a control character")
    return value


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def programs(text: str) -> dict[str, Program]:
    """Raises NotAllowed with the line that cannot be read."""
    found: dict[str, Program] = {}
    for line in lines(text):
        program = _program(line)
        if program.name in found:
            raise NotAllowed(f"the name {program.name} stands there twice")
        found[program.name] = program
    return found


def _program(line: str) -> Program:
    name, equals, command = (part.strip() for part in line.partition("="))
    if not equals or not NAME.fullmatch(name):
        raise NotAllowed(f"{line[:80]!r} is not `name = /path/of/program argument …`")
    words = tuple(_place(word) for word in _split(command, line))
    if not words or not isinstance(words[0], str) or not words[0].startswith("/"):
        raise NotAllowed(f"{name}: the program has to be an absolute path")
    if any(isinstance(word, Place) and word.many for word in words[:-1]):
        raise NotAllowed(f"{name}: a pattern with * has to be the last")
    return Program(name, words)


def _split(command: str, line: str) -> list[str]:
    reader = shlex.shlex(command, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.commenters, reader.escape = True, "", ""
    try:
        return list(reader)
    except ValueError:
        raise NotAllowed(f"{line[:80]!r}: a quotation mark is not closed") from None


def _place(word: str) -> str | Place:
    found = PLACE.fullmatch(word)
    if not found:
        return word
    try:
        pattern = re.compile(found["pattern"])
    except re.error as fault:
        raise NotAllowed(f"{found['pattern']} is not a regular expression: {fault}") from None
    return Place(found["before"], pattern, bool(found["many"]))


def directories(text: str) -> list[str]:
    """Raises NotAllowed for what nobody may clean."""
    found = [os.path.normpath(line) for line in lines(text)]
    for one in found:
        if not one.startswith("/"):
            raise NotAllowed(f"{one} is not an absolute path")
        if one in NEVER_ITSELF or any(one == never or one.startswith(never + "/") for never in NEVER_BELOW):
            raise NotAllowed(f"{one} is a directory of the system: name one below it that holds nothing else than old files")
    return found


def directory(asked: str, allowed: Iterable[str], real: bool = True) -> str:
    """The directory to clean: one of those allowed, or below one. `real`: links are followed first, on this machine. Raises NotAllowed."""
    if not asked.startswith("/"):
        raise NotAllowed(f"{asked[:200]!r} is not an absolute path")
    path = os.path.realpath(_clean(asked)) if real else os.path.normpath(_clean(asked))
    for one in allowed:
        inside = os.path.realpath(one) if real else one
        if path == inside or path.startswith(inside.rstrip("/") + "/"):
            return path
    raise NotAllowed(f"{asked[:200]} is not in a directory that may be cleaned")


def services(text: str) -> list[str]:
    return _named(text, SERVICE, "is not the name of a service")


def processes(text: str) -> list[str]:
    return [_clean(line) for line in lines(text)]


def configs(text: str) -> list[str]:
    found = [os.path.normpath(line) for line in lines(text)]
    for one in found:
        if not one.startswith("/"):
            raise NotAllowed(f"{one} is not an absolute path")
    return found


def _named(text: str, pattern: re.Pattern[str], fault: str) -> list[str]:
    found = lines(text)
    for one in found:
        if not pattern.fullmatch(one):
            raise NotAllowed(f"{one[:80]!r} {fault}")
    return found


def listed(asked: str, allowed: Sequence[str], what: str) -> str:
    """Raises NotAllowed."""
    if asked not in allowed:
        raise NotAllowed(f"{asked[:80]!r} is not among the {what} that may be touched")
    return asked


def environment(text: str) -> dict[str, str]:
    """`NAME=value` sets one, `NAME` passes ours on. Raises NotAllowed."""
    made = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    for line in lines(text):
        found = ENVIRONMENT.fullmatch(line)
        if not found or UNSAFE.fullmatch(found["name"]):
            raise NotAllowed(f"{line.split('=')[0][:80]} cannot be set in the environment of a program")
        value = found["value"] if found["value"] is not None else os.environ.get(found["name"])
        if value is not None:
            made[found["name"]] = value
    return made


def host_key(text: str) -> tuple[str, str]:
    """(type, base64) of a public key, with or without the host's name before it as ssh-keyscan prints it. Raises NotAllowed."""
    words = text.split()
    for kind, key in itertools.pairwise(words):
        if re.fullmatch(r"(ssh|ecdsa)-[a-z0-9-]+", kind) and re.fullmatch(r"AAAA[A-Za-z0-9+/=]{16,}", key):
            return kind, key
    raise NotAllowed("this is no public key: it reads ssh-ed25519 AAAA…")


def glob(pattern: str) -> str:
    """Of one name. Raises NotAllowed."""
    if "/" in pattern:
        raise NotAllowed("the pattern is of a file's name: it holds no /")
    return _clean(pattern)
