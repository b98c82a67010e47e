"""What must not leave: secrets and personal data stand as placeholders in all that a model is told, and come back in what it answers.

One Mask per call. The same value has the same placeholder in it, so that the model can still tell things apart. What people are shown
of an answer has personal data in it again; a secret stays hidden from them too, because whoever asks need not be allowed to know it.
Which texts are found and which are left is measured by tests/test_mask_what_leaves.py and stated in docs/models.md.
"""

import re
from collections.abc import Iterable

from django.conf import settings

from genai import stored_secrets
from genai.masking_patterns import FINDERS, SECRETS, Span, hosts

PLACEHOLDER = re.compile(r"⟦ ?([a-z]{2,12}) (\d{1,6}) ?⟧", re.I)
LONGEST = 24  # characters of a placeholder; more after ⟦ is no placeholder


class Mask:
    """`counts`: how many different ones of each kind it hid."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._by_value: dict[tuple[str, str], str] = {}
        self._by_place: dict[str, str] = {}

    def mask(self, text: str) -> str:
        text = PLACEHOLDER.sub(lambda found: self._place(found[0], "text"), text) if "⟦" in text else text
        for value in stored_secrets.values():
            if value in text:
                text = text.replace(value, self._place(value, "secret"))
        for finder in (*FINDERS, hosts) if settings.LLM_MASK_HOSTS else FINDERS:
            text = self._without(text, finder(text))
        return text

    def unmask(self, text: str) -> str:
        """The very text that was masked."""
        return PLACEHOLDER.sub(lambda found: self._by_place.get(_key(found), found[0]), text) if "⟦" in text else text

    def shown(self, text: str) -> str:
        """For people and for tools: as unmask, but secrets stay hidden."""
        return PLACEHOLDER.sub(self._shown, text) if "⟦" in text else text

    def _shown(self, found: re.Match[str]) -> str:
        value = self._by_place.get(_key(found))
        if value is None:
            return found[0]
        kind = found[1].lower()
        return f"[{kind} hidden]" if kind in SECRETS else value

    def _without(self, text: str, spans: Iterable[Span]) -> str:
        parts, done = [], 0
        for start, end, kind in sorted(spans):
            if start < done:
                continue
            parts += [text[done:start], self._place(text[start:end], kind)]
            done = end
        return "".join([*parts, text[done:]]) if parts else text

    def _place(self, value: str, kind: str) -> str:
        value = self.unmask(value)  # one found inside of another
        if (kind, value) not in self._by_value:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            place = f"⟦{kind} {self.counts[kind]}⟧"
            self._by_value[kind, value], self._by_place[place] = place, value
        return self._by_value[kind, value]

    @property
    def found(self) -> dict[str, int]:
        """`counts` without what merely looked like a placeholder."""
        return {kind: count for kind, count in self.counts.items() if kind != "text"}


def _key(found: re.Match[str]) -> str:
    return f"⟦{found[1].lower()} {found[2]}⟧"


class Unmasking:
    """A masked text that comes in pieces, as people are shown it: a placeholder that is not whole yet waits for its end."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def feed(self, piece: str) -> str:
        held = self._held + piece
        opened = held.rfind("⟦")
        waits = opened >= 0 and "⟧" not in held[opened:] and len(held) - opened <= LONGEST
        ready, self._held = (held[:opened], held[opened:]) if waits else (held, "")
        return self._mask.shown(ready)

    def flush(self) -> str:
        ready, self._held = self._held, ""
        return self._mask.shown(ready)


def masked(text: str) -> str:
    """For what is kept of a text and shown to others: an excerpt, an argument."""
    return Mask().mask(text)
