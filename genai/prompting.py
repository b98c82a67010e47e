"""The words a model is asked in: files that ship (genai/prompts/<purpose>.txt) and versions written here, which share the calls by weight.

A file's first lines that begin with `#` say what it is for and which variables it is given; they are not sent. `{{ name }}` is a
variable. A line `---` parts what the model is told as the system from what it is told as the person. What comes from outside enters a
prompt through `quote` only.
"""

import hashlib
import random
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from genai.models import Prompt, PromptVersion
from genai.providers.base import Message

FOLDER = Path(__file__).parent / "prompts"
PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,59}")
VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
DIVIDER = re.compile(r"^---[ \t]*$", re.MULTILINE)
QUOTED = 20_000  # characters of one text from outside; what is longer is cut and says so

# What could end the fence, or speak as somebody else: our own tag, and the marks with which models' chat templates part the speakers.
SPEAKERS = r"data|start_of_turn|end_of_turn|s|sys|system|user|assistant|tool_call|tool_response|function_call"
FENCE = re.compile(rf"[<＜﹤](?=\s*[/／]?\s*(?:{SPEAKERS})\b)|[<＜](?=[|｜])|(?<=[|｜])[>＞]", re.I)
TURNS = re.compile(r"\[(?=/?\s*(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\s*\])|<<(?=/?\s*SYS\s*>>)", re.I)
KEPT_CONTROLS = "\n\t"
HIDDEN = ("Cc", "Cf", "Co", "Cs", "Cn")


class UnknownPurpose(LookupError):
    """No file and no row of that name."""


class Shipped(NamedTuple):
    purpose: str
    description: str
    text: str
    digest: str


# -- files -------------------------------------------------------------------------------------------------------------
def shipped(purpose: str) -> Shipped | None:
    path = FOLDER / f"{purpose}.txt"
    return _read(path) if PURPOSE.fullmatch(purpose) and path.is_file() else None


def all_shipped() -> list[Shipped]:
    return [_read(path) for path in sorted(FOLDER.glob("*.txt"))]


@lru_cache(maxsize=200)
def _read(path: Path) -> Shipped:
    lines = path.read_text(encoding="utf-8").splitlines()
    said = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    text = "\n".join(lines[said:]).strip()
    about = (line.lstrip("# ").strip() for line in lines[:said])
    description = " ".join(line for line in about if not line.startswith("Variables:"))
    return Shipped(path.stem, description[:300], text, digest_of(text))


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# -- which version -----------------------------------------------------------------------------------------------------
def choose(purpose: str) -> PromptVersion:
    """One of those in use, by their weights. The file's own version is made a row when it is first asked for. Raises UnknownPurpose."""
    file = shipped(purpose)
    found = _candidates(purpose, file)
    if file and not any(one.digest == file.digest for one in found):
        ensure(file)
        found = _candidates(purpose, file)
    in_use = [one for one in found if one.weight] or found[:1]
    if not in_use:
        raise UnknownPurpose(purpose)
    return random.choices(in_use, weights=[one.weight or 1 for one in in_use])[0]  # noqa: S311 - a share, not a secret


def _candidates(purpose: str, file: Shipped | None) -> list[PromptVersion]:
    wanted = Q(weight__gt=0) | Q(digest=file.digest) if file else Q()
    return list(PromptVersion.objects.filter(wanted, prompt__purpose=purpose).select_related("prompt").order_by("-number"))


def ensure(file: Shipped) -> PromptVersion:
    """The file as a row. A newer file takes the calls over from an older file, never from what people wrote: that stays until somebody
    promotes the new one."""
    try:
        with transaction.atomic():
            return _ensure(file)
    except IntegrityError:  # another process was faster
        return PromptVersion.objects.select_related("prompt").filter(prompt__purpose=file.purpose, digest=file.digest)[0]


def _ensure(file: Shipped) -> PromptVersion:
    prompt, _ = Prompt.objects.update_or_create(purpose=file.purpose, defaults={"description": file.description})
    versions = prompt.versions.all()
    if (known := versions.filter(digest=file.digest).first()) is not None:
        return known
    by_people = versions.filter(weight__gt=0, origin=PromptVersion.Origin.UI).exists()
    if not by_people:
        versions.update(weight=0)
    number = (versions.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    return PromptVersion.objects.create(
        prompt=prompt, number=number, text=file.text, digest=file.digest, weight=0 if by_people else 100,
        origin=PromptVersion.Origin.FILE, comment="As it ships", promoted_at=None if by_people else timezone.now(),
    )  # fmt: skip


def ensure_all() -> None:
    """Every file a row: for the pages, before each purpose was asked for."""
    known = set(PromptVersion.objects.values_list("prompt__purpose", "digest"))
    for file in all_shipped():
        if (file.purpose, file.digest) not in known:
            ensure(file)


def prompt_of(purpose: str) -> Prompt | None:
    """With its file as a row, also before it was asked for."""
    file = shipped(purpose)
    if file is not None and not PromptVersion.objects.filter(prompt__purpose=purpose, digest=file.digest).exists():
        ensure(file)
    return Prompt.objects.filter(purpose=purpose).first()


# -- filling it in -----------------------------------------------------------------------------------------------------
def variables_of(text: str) -> list[str]:
    """In the order they come."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def render(version: PromptVersion, variables: Mapping[str, str]) -> list[Message]:
    """A system message, and a person's where the prompt has a line `---`. A value is put in as it is and not read again; one that is
    not given is empty."""
    parts = DIVIDER.split(version.text, maxsplit=1)
    texts = [VARIABLE.sub(lambda name: str(variables.get(name[1], "")), part).strip() for part in parts]
    return [Message(role, text) for role, text in zip(("system", "user"), texts, strict=False) if text]


# -- texts from outside ------------------------------------------------------------------------------------------------
def quote(text: str, where: str) -> str:
    """Fenced as data, with what could close the fence or play another speaker made harmless. `where`: alert text, label, document …"""
    inside = harmless(text)
    if len(inside) > QUOTED:
        inside = f"{inside[:QUOTED]}\n[cut: {len(inside) - QUOTED:,} more characters]"
    return f'<data from="{_name(where)}">\n{inside}\n</data>'


def harmless(text: str) -> str:
    """The same to a reader, without marks that part speakers and without characters nobody sees."""
    visible = "".join(char for char in text if _visible(char))
    unfenced = FENCE.sub(lambda mark: "›" if mark[0] in ">＞" else "‹", visible)
    return TURNS.sub(lambda mark: "‹" if mark[0].startswith("<") else "⟦", unfenced)


def _visible(char: str) -> bool:
    """Not a control, a zero-width or bidirectional mark, a tag or a private character: with those, orders are hidden from people."""
    return char in KEPT_CONTROLS or (char.isprintable() if char.isascii() else unicodedata.category(char) not in HIDDEN)


def _name(where: str) -> str:
    return re.sub(r"[^\w .,:/()@#+-]", "", where)[:120]
