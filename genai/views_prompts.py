"""One purpose's prompts: its versions beside each other with what came of them, what changed, who gets which share, a new one."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from genai import prompt_quality, prompt_versions, prompting
from genai.models import Prompt, PromptVersion
from genai.prompt_diff import lines
from genai.prompt_quality import Quality
from genai.prompt_versions import Refused

READ, CONFIGURE = "monitoring:read", "genai:configure"
TABS = {"text": "Text", "changes": "Changes"}
MOST_VERSIONS = 100
Context = dict[str, Any]


def found(purpose: str) -> Prompt:
    one = prompting.prompt_of(purpose)
    if one is None:
        raise Http404(f"Nothing is asked for the purpose {purpose}.")
    return one


@require_GET
@permission_required(READ)
def prompt(request: HttpRequest, purpose: str) -> HttpResponse:
    one = found(purpose)
    tab = request.GET.get("tab", "text")
    if tab not in TABS:
        raise BadRequest(f"tab must be one of {', '.join(TABS)}, not {tab[:20]!r}.")
    return render(request, "genai/prompts/prompt.html", _context(request, one, tab))


def _context(request: HttpRequest, one: Prompt, tab: str) -> Context:
    versions = list(one.versions.all()[:MOST_VERSIONS])
    qualities = prompt_quality.of([row.pk for row in versions])
    in_use = [row for row in versions if row.weight]
    new = _asked(request, "version", versions, in_use[0] if in_use else versions[0])
    old = _asked(request, "from", versions, next((row for row in versions if row.number < new.number), None))
    return {
        "prompt": one, "rows": [(row, qualities.get(row.pk, Quality())) for row in versions], "in_use": in_use, "new": new, "old": old,
        "diff": lines(old.text, new.text) if old and tab == "changes" else [], "tab": tab, "tabs": TABS,
        "variables": prompting.variables_of(new.text), "notes": prompt_versions.notes(new.text), "enough": prompt_quality.ENOUGH,
        "may_write": can(request.user, CONFIGURE), "days": prompt_quality.LOOKED_BACK.days,
    }  # fmt: skip


def _asked(request: HttpRequest, name: str, versions: list[PromptVersion], usual: Any) -> Any:
    text = request.GET.get(name, "")
    if not text:
        return usual
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise BadRequest(f"{name} is the number of a version.")
    if (wanted := next((row for row in versions if row.number == int(text)), None)) is None:
        raise Http404(f"There is no version {text}.")
    return wanted


# -- what becomes of it ------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def new(request: HttpRequest, purpose: str) -> HttpResponse:
    one = found(purpose)
    versions = list(one.versions.all()[:MOST_VERSIONS])
    base = _asked(request, "from", versions, next((row for row in versions if row.weight), versions[0]))
    if request.method == "GET":
        return _form(request, one, base, base.text)
    text = request.POST.get("text", "")
    try:
        made = prompt_versions.add(one, text, person(request), request.POST.get("comment", ""))
    except Refused as fault:
        return _form(request, one, base, text, str(fault), 422)
    messages.success(request, f"Version {made.number} is written. It is not in use before it is given a share or promoted.")
    return redirect(f"{request.path.removesuffix('new/')}?version={made.number}")


def _form(request: HttpRequest, one: Prompt, base: PromptVersion, text: str, error: str = "", status: int = 200) -> HttpResponse:
    known = sorted(prompt_versions.known_variables(one)) or prompting.variables_of(base.text)
    context = {
        "prompt": one, "base": base, "text": text, "error": error, "comment": request.POST.get("comment", ""), "variables": known,
        "longest": prompt_versions.LONGEST,
    }  # fmt: skip
    return render(request, "genai/prompts/new.html", context, status=status)


@require_POST
@permission_required(CONFIGURE)
def promote(request: HttpRequest, purpose: str, number: int) -> HttpResponse:
    version = get_object_or_404(PromptVersion.objects.select_related("prompt"), prompt__purpose=purpose, number=number)
    changed = prompt_versions.promote(version, person(request))
    said = f"Version {number} is asked with from now on." if changed else f"Version {number} had all calls already."
    messages.success(request, said)
    return redirect("prompt", purpose)


@require_POST
@permission_required(CONFIGURE)
def weigh(request: HttpRequest, purpose: str) -> HttpResponse:
    one = found(purpose)
    try:
        changed = prompt_versions.share(one, _weights(request), person(request))
    except Refused as fault:
        messages.error(request, str(fault))
    else:
        messages.success(request, "The shares are changed." if changed else "Nothing was changed.")
    return redirect("prompt", purpose)


def _weights(request: HttpRequest) -> dict[int, int]:
    """Fields weight-<number>; one that is empty is 0. Raises Refused."""
    found: dict[int, int] = {}
    for name, text in request.POST.items():
        number = name.removeprefix("weight-")
        if number == name or not (number.isdecimal() and number.isascii() and len(number) < 10):
            continue
        text = str(text).strip() or "0"
        if not (text.isdecimal() and text.isascii() and len(text) < 4):
            raise Refused(f"The share of version {int(number)} is a whole number of per cent.")
        found[int(number)] = int(text)
    return found
