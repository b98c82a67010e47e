"""What a channel is given to say, and what it answers. Plain data: a notice is stored as JSON and is the same on every attempt."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiops.plugins import PluginError

FIRING, RESOLVED, ACKNOWLEDGED, ESCALATION, TEST = "firing", "resolved", "acknowledged", "escalation", "test"
QUESTION = "question"  # somebody has to say yes or no
KINDS = (FIRING, RESOLVED, ACKNOWLEDGED, ESCALATION, QUESTION, TEST)
HEARD = frozenset({FIRING, RESOLVED, ESCALATION, QUESTION, TEST})  # by a channel that states no `hears` of its own
BRIEFS = 50  # alerts that a notice tells one by one
LONGEST_DETAIL = 500


class NotSent(PluginError):
    """The channel did not take the notice. `retry_after`: seconds the peer asks to be left alone; `status`: as Answer has it."""

    def __init__(self, message: str, permanent: bool = False, retry_after: float | None = None, status: int = 0) -> None:
        super().__init__(message, permanent)
        self.retry_after, self.status = retry_after, status


@dataclass(frozen=True)
class Brief:
    """One alert, as far as a notice tells of it."""

    id: int
    name: str
    severity: str
    state: str  # firing or resolved
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    url: str = ""  # of its page, absolute where AIOPS_URL is set
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    runbook: str = ""
    ownership: str = "new"
    fingerprint: str = ""
    source: str = ""


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Button:
    """One answer to a question, where the channel can bring it back: `action` names who takes it, `value` is signed by them."""

    label: str
    action: str
    value: str
    style: str = ""  # primary, danger
    sure: str = ""  # asked once more


@dataclass(frozen=True)
class Recipient:
    """One person, for a channel that can reach one: an e-mail address, a member id, or the user behind the bell."""

    user_id: int | None
    name: str
    address: str = ""


@dataclass(frozen=True)
class Notice:
    """`key` is the same on every attempt and another for every notice: a receiver that has seen it leaves it out. `thread` is the same for
    all notices about one group: PagerDuty's dedup_key, a mail's References, a Slack thread."""

    key: str
    kind: str
    title: str
    text: str
    severity: str
    at: datetime
    thread: str = ""
    number: int = 1  # in its thread, from 1
    route: str = ""
    group_labels: Mapping[str, str] = field(default_factory=dict)
    alerts: tuple[Brief, ...] = ()  # the worst first, at most BRIEFS
    firing: int = 0  # of the whole group, also those not told one by one
    resolved: int = 0
    repeat: bool = False  # nothing new: it still goes on
    incident_id: int | None = None
    incident_number: str = ""  # INC-7
    incident_title: str = ""
    incident_url: str = ""
    url: str = ""  # where to look first: the incident, the alert or the list of alerts
    links: tuple[Link, ...] = ()
    buttons: tuple[Button, ...] = ()
    recipients: tuple[Recipient, ...] = ()  # nobody: whoever the channel's own configuration names
    step: str = ""  # of an escalation: what is being done, "step 2 of 3, on call of Platform"

    @property
    def alert_ids(self) -> list[int]:
        return [one.id for one in self.alerts]


@dataclass(frozen=True)
class Answer:
    """The channel took it. `status`: HTTP or SMTP code, 0 where there is none; `external_id`: what the receiver calls it."""

    status: int = 200
    detail: str = ""
    external_id: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", self.detail[:LONGEST_DETAIL])
        object.__setattr__(self, "external_id", self.external_id[:200])


def to_json(notice: Notice) -> dict[str, Any]:
    found: dict[str, Any] = _plain(asdict(notice))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def from_json(stored: Mapping[str, Any], **other: Any) -> Notice:
    """The notice as it was stored; `other` are fields that one delivery has of its own (key, recipients)."""
    fields = {**stored, **other}
    fields["at"] = _moment(fields["at"])
    fields["alerts"] = tuple(_brief(one) for one in fields.get("alerts", ()))
    fields["links"] = tuple(Link(**one) for one in fields.get("links", ()))
    fields["buttons"] = tuple(Button(**one) for one in fields.get("buttons", ()))
    fields["recipients"] = tuple(one if isinstance(one, Recipient) else Recipient(**one) for one in fields.get("recipients", ()))
    return Notice(**fields)


def _brief(stored: Mapping[str, Any]) -> Brief:
    return Brief(**{**stored, "started_at": _moment(stored["started_at"]), "resolved_at": _moment(stored["resolved_at"])})


def _moment(stored: Any) -> Any:
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored
