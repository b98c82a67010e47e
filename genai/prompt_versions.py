"""The only writer of prompts' versions beside the files that ship: written, weighed against each other, promoted."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, User
from genai import prompting
from genai.models import Prompt, PromptVersion

Who = User | ApiToken | str | None
LONGEST, MOST_VARIANTS, ALL = 20_000, 5, 100
NEEDED = frozenset({"facts", "question", "request", "metrics", "runbooks"})  # without these there is nothing to answer


class Refused(ValueError):
    """One sentence for people."""


def known_variables(prompt: Prompt) -> set[str]:
    """What the callers of this purpose fill in: what any of its shipped texts has."""
    texts = prompt.versions.filter(origin=PromptVersion.Origin.FILE).values_list("text", flat=True)
    return {name for text in texts for name in prompting.variables_of(text)}


def fault(prompt: Prompt, text: str) -> str:
    """Why it cannot be a version of this prompt; empty for one that can."""
    if not text:
        return "Write what the model is told."
    if len(text) > LONGEST:
        return f"A prompt has at most {LONGEST:,} characters; this one has {len(text):,}."
    known, used = known_variables(prompt), set(prompting.variables_of(text))
    if known and (strange := sorted(used - known)):
        return f"Nothing fills {{{{ {strange[0]} }}}} in; there are {', '.join(sorted(known))}."
    if missing := sorted((known & NEEDED) - used):
        return f"{{{{ {missing[0]} }}}} is missing: the model would not be told what it is asked about."
    return ""


def notes(text: str) -> list[str]:
    """What is allowed and yet worth a second look."""
    said = []
    if "<data" not in text:
        said.append("It does not say that what stands between <data> and </data> is never to be obeyed. Texts from outside come fenced so.")
    if "[E" not in text:
        said.append("It does not ask for evidence as [E12]: sentences without it are shown as guesses.")
    return said


def add(prompt: Prompt, text: str, actor: Who, comment: str = "") -> PromptVersion:
    """Its next version, not in use yet. Raises Refused."""
    text = _text(text)
    if why := fault(prompt, text):
        raise Refused(why)
    with transaction.atomic():
        locked = _locked(prompt)
        newest = locked.versions.order_by("-number").first()
        if (same := locked.versions.filter(digest=prompting.digest_of(text)).first()) is not None:
            raise Refused(f"Version {same.number} says exactly this.")
        version = PromptVersion.objects.create(
            prompt=locked, number=(newest.number if newest else 0) + 1, text=text, digest=prompting.digest_of(text),
            comment=comment.replace("\0", "").strip()[:300], actor=_name(actor),
        )  # fmt: skip
        audit.record("prompt.written", target=version, after={"number": version.number, "comment": version.comment}, actor=actor)
    return version


def promote(version: PromptVersion, actor: Who) -> bool:
    """It takes all calls from now on. False where it had them already."""
    return share(version.prompt, {version.number: ALL}, actor, action="prompt.promoted")


def share(prompt: Prompt, weights: Mapping[int, int], actor: Who, action: str = "prompt.weighed") -> bool:
    """{number: per cent}; what is not named gets none. Whether that changed anything. Raises Refused."""
    wanted = {number: weight for number, weight in weights.items() if weight}
    with transaction.atomic():
        versions = {one.number: one for one in _locked(prompt).versions.all()}
        _check(wanted, versions)
        before = {one.number: one.weight for one in versions.values() if one.weight}
        if before == wanted:
            return False
        prompt.versions.exclude(number__in=wanted).update(weight=0)
        for number, weight in wanted.items():
            began = {} if number in before else {"promoted_at": timezone.now()}
            prompt.versions.filter(number=number).update(weight=weight, **began)
        audit.record(action, target=prompt, before=_said(before), after=_said(wanted), actor=actor)
    return True


def _check(wanted: Mapping[int, int], versions: Mapping[int, PromptVersion]) -> None:
    if unknown := sorted(set(wanted) - set(versions)):
        raise Refused(f"There is no version {unknown[0]}.")
    if any(weight < 0 for weight in wanted.values()):
        raise Refused("A share is not below 0 %.")
    if sum(wanted.values()) != ALL:
        raise Refused(f"The shares have to add up to 100 %; these add up to {sum(wanted.values())} %.")
    if len(wanted) > MOST_VARIANTS:
        raise Refused(f"At most {MOST_VARIANTS} versions share the calls: with more, none gets enough of them to be judged.")


def _locked(prompt: Prompt) -> Prompt:
    return Prompt.objects.select_for_update(of=("self",), no_key=True).get(pk=prompt.pk)


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\0", "").strip()


def _name(actor: Who) -> str:
    if isinstance(actor, ApiToken):
        return f"{actor.user.name}, token {actor.name}"[:200]
    return (actor if isinstance(actor, str) else actor.name if actor else "system")[:200]


def _said(weights: Mapping[int, int]) -> dict[str, int]:
    return {f"version {number}": weight for number, weight in sorted(weights.items())}
