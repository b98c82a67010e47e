"""What every provider has in common. A provider is asked to do one action; it answers at once, and long work is polled.

The engine writes down that it is about to ask, asks `run`, and writes down the answer. After a crash in between it asks `resume` what
became of the key, and asks `run` again only where the answer is that it was never begun.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms

from aiops.plugin_forms import ConfigForm
from aiops.plugins import Plugin, PluginError, member

PROVIDERS: dict[str, str] = {
    "awx": "remediation.providers.awx.Awx",
    "command": "remediation.providers.command.Command",
    "jira": "remediation.providers.jira.Jira",
    "kubernetes": "remediation.providers.kubernetes.Kubernetes",
    "oci": "remediation.providers.oci.Oci",
    "servicenow": "remediation.providers.servicenow.ServiceNow",
    "terraform": "remediation.providers.terraform.Terraform",
    "terraform_cloud": "remediation.providers.terraform_cloud.TerraformCloud",
    "webhook": "remediation.providers.webhook.Webhook",
}
RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"
MOST_LINES, LONGEST_LINE, MOST_OUTPUT = 5_000, 2_000, 256 * 1024  # of one step; characters; bytes
HIDDEN = "[hidden]"


class ActionError(PluginError):
    """The family's one error. `permanent`: asking again does not help. `unclear`: it may have been done: only `resume` can tell."""

    def __init__(self, message: str, permanent: bool = False, unclear: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message, permanent)
        self.unclear = unclear
        self.retry_after = retry_after  # seconds


@dataclass(frozen=True)
class Parameter:
    """A field of a verb or of a runbook. `type`: string, integer, number, boolean, duration (seconds), choice, list (of strings) or
    object."""

    name: str
    type: str = "string"
    label: str = ""
    about: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    pattern: str = ""  # the whole of a string has to match
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Verb:
    """One thing a provider can do."""

    name: str
    label: str  # Restart a deployment
    parameters: tuple[Parameter, ...] = ()
    risk: str = "medium"  # class of the action: low, medium, high, critical
    reversible: bool = False  # `rollback` can take it back
    rehearsable: bool = False  # `dry_run` asks the system itself
    plans: bool = False  # `dry_run` makes a plan, and `run` carries out that very plan (params["plan"])
    icon: str = "play"


@dataclass(frozen=True)
class Ask:
    """One action that is asked for; the same after a crash."""

    key: str  # idempotency key
    verb: str
    params: Mapping[str, Any]
    target: str  # in words
    timeout: float = 300.0  # seconds for the whole of it
    reason: str = ""  # why, one sentence: for tickets and comments
    url: str = ""  # of the case's page
    case: str = ""  # its id: correlation id of tickets


@dataclass(frozen=True)
class Line:
    text: str
    level: str = "info"  # info, ok, warning, error


@dataclass(frozen=True)
class Preview:
    """What a dry run found: what would be done. `diff`: lines that begin with +, -, or a space. `plan`: what `run` is to carry out."""

    sentence: str
    lines: Sequence[Line] = ()
    diff: str = ""
    plan: str = ""
    changes: bool = True  # False: there is nothing to do


@dataclass(frozen=True)
class Answer:
    """How it stands. `lines` are new since `cursor` as it was asked with."""

    state: str  # RUNNING, SUCCEEDED, FAILED
    detail: str = ""
    handle: str = ""
    cursor: str = ""
    lines: Sequence[Line] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    undo: Mapping[str, Any] = field(default_factory=dict)
    poll_in: float = 2.0  # seconds


class ActionProvider(Plugin):
    """One kind of system, made for one ask. No call takes longer than `deadline` seconds; what does is polled."""

    do_not_call_in_templates: ClassVar[bool] = True
    Config: ClassVar[type[forms.Form]] = ConfigForm
    icon: ClassVar[str] = "play"
    about: ClassVar[str] = ""
    verbs: ClassVar[Mapping[str, Verb]] = {}
    deadline: ClassVar[float] = 20.0

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        self.config, self.secrets = config, secrets

    def check(self) -> str:
        """Whether it can be reached and lets us in: a sentence. Raises ActionError."""
        raise NotImplementedError

    def dry_run(self, ask: Ask) -> Preview:
        """Changes nothing. Raises ActionError where it is known that `run` would be refused."""
        raise NotImplementedError

    def run(self, ask: Ask) -> Answer:
        """Begins, or does it. Asked again with the same key it must not do it twice where the system can tell. Raises ActionError."""
        raise NotImplementedError

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        """Raises ActionError: not permanent = asked again later."""
        raise NotImplementedError

    def resume(self, ask: Ask) -> Answer | None:
        """What became of the key: how it stands, or None where it was surely never begun. Raises ActionError(unclear=True) where the
        system cannot tell."""
        raise ActionError("this system cannot tell whether it was done", permanent=True, unclear=True)

    def cancel(self, ask: Ask, handle: str) -> Answer:
        """Stops what is under way as well as the system can."""
        raise ActionError("this cannot be stopped once it has begun", permanent=True)

    def rollback(self, ask: Ask, undo: Mapping[str, Any]) -> Answer:
        """Takes back what `run` did, with the `undo` of its answer; `ask` has a key of its own. After a crash it is asked again, not
        resumed: it sets what was, so that twice is as once."""
        raise ActionError("this cannot be taken back", permanent=True)

    def discard(self, ask: Ask, plan: str) -> None:
        """Of a verb that plans: nobody will carry out this plan."""

    def masked(self, text: str) -> str:
        """Without our secrets, whoever repeats them."""
        for name in self.secret_fields:
            secret = str(self.secrets.get(name) or "")
            for part in {secret, *secret.splitlines()}:
                if len(part) > 3:
                    text = text.replace(part, HIDDEN)
        return text


def provider_class(kind: str) -> type[ActionProvider]:
    """Raises PluginError for a kind that does not exist."""
    found: type[ActionProvider] = member(PROVIDERS, kind)
    return found


def known_kinds() -> list[tuple[str, type[ActionProvider]]]:
    """Every kind by its label."""
    return sorted(((kind, provider_class(kind)) for kind in PROVIDERS), key=lambda one: one[1].label)
