"""One case told: its states, its steps with what they said, who said yes, and its part of the audit trail with whether it is unbroken."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import AuditEntry
from remediation import case_words, plan
from remediation.case_words import Sign
from remediation.models import Execution, LogLine, Step, Transition

State = Execution.State
WAY = (State.PROPOSED, State.APPROVED, State.RUNNING, State.VERIFYING, State.SUCCEEDED)
REHEARSAL = (State.PROPOSED, State.APPROVED, State.RUNNING, State.SUCCEEDED)
SHOWN_LINES = 300  # of one step; all of them by download
MOST_ENTRIES = 200
LEVELS = {"ok": "ok", "warning": "warn", "error": "bad"}
PHASES = {Step.Phase.PRECHECK: "Before it starts", Step.Phase.MAIN: "", Step.Phase.ROLLBACK: "Taking it back"}


# -- states ----------------------------------------------------------------------------------------------------------------
@dataclass
class Stage:
    sign: Sign
    state: str
    time: datetime | None = None
    actor: str = ""
    note: str = ""
    mark: str = "todo"  # done, now, todo


def stages(execution: Execution, transitions: Sequence[Transition]) -> list[Stage]:
    """What it went through, and what is ahead of one that goes well."""
    found = {State.PROPOSED: Stage(case_words.STATES[State.PROPOSED], State.PROPOSED, execution.created_at, execution.requester)}
    for one in transitions:
        if one.after in case_words.STATES and one.after != State.FAILED:
            found[State(one.after)] = Stage(case_words.STATES[one.after], one.after, one.time, one.actor, one.reason)
    for stage in found.values():
        stage.mark = "now" if stage.state == execution.state and not execution.is_over else "done"
    ahead = [] if execution.is_over or execution.state in (State.ROLLING_BACK, State.FAILED) else _ahead(execution, found)
    passed = [_named(one, execution) for one in found.values()]
    return [*passed, *ahead]


def _ahead(execution: Execution, found: dict[State, Stage]) -> list[Stage]:
    way = REHEARSAL if execution.dry_run else WAY
    here = way.index(State(execution.state)) if execution.state in way else 0
    return [Stage(case_words.STATES[one], one) for one in way[here + 1 :] if one not in found]


def _named(stage: Stage, execution: Execution) -> Stage:
    """The beginning is called what it was; the end also says whether that was seen."""
    if stage.state == State.PROPOSED and stage.mark == "done":
        stage.sign = Sign("Proposed", "check", stage.sign.tone)
    elif stage.state == execution.state:
        stage.sign = case_words.state(execution)
    return stage


# -- steps -----------------------------------------------------------------------------------------------------------------
@dataclass
class StepTold:
    number: int
    title: str
    kind: str
    sign: Sign
    heading: str = ""  # of the phase, before its first step
    step: Step | None = None  # None: planned, and not begun
    lines: list[LogLine] = field(default_factory=list)

    @property
    def icon(self) -> str:
        return case_words.KINDS.get(self.kind, "play")

    @property
    def is_now(self) -> bool:
        return self.step is not None and self.step.state in (Step.State.STARTING, Step.State.RUNNING)

    @property
    def is_open(self) -> bool:
        return self.is_now or (self.step is not None and self.step.state in (Step.State.FAILED, Step.State.UNCLEAR))

    @property
    def took(self) -> timedelta | None:
        if self.step is None or self.step.started_at is None:
            return None
        return max((self.step.finished_at or timezone.now()) - self.step.started_at, timedelta(0))


def steps(execution: Execution, planned: plan.Plan | None) -> list[StepTold]:
    """As they are; before anything began, as they are planned. Two statements and one for each step that has lines."""
    rows = list(Step.objects.filter(execution=execution).select_related("provider").order_by("id"))
    if not rows:
        pending = case_words.STEPS[Step.State.PENDING]
        return [StepTold(at, one.title, one.kind, pending) for at, one in enumerate(planned.steps if planned else (), 1)]
    order = {phase: place for place, phase in enumerate(PHASES)}
    rows.sort(key=lambda one: (order[Step.Phase(one.phase)], one.position))
    lines = latest_lines(rows)
    told: list[StepTold] = []
    numbers: defaultdict[str, int] = defaultdict(int)
    for one in rows:
        numbers[one.phase] += 1
        heading = PHASES[Step.Phase(one.phase)] if numbers[one.phase] == 1 else ""
        told.append(StepTold(numbers[one.phase], one.title, one.kind, case_words.STEPS[one.state], heading, one, lines.get(one.pk, [])))
    return told


def latest_lines(rows: Sequence[Step]) -> dict[int, list[LogLine]]:
    return {one.pk: list(LogLine.objects.filter(step=one).order_by("-id")[:SHOWN_LINES])[::-1] for one in rows}


def level(line: LogLine) -> str:
    """The class of the line."""
    return LEVELS.get(line.level, "")


# -- the audit trail ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Chain:
    entries: list[AuditEntry]  # newest first
    broken: AuditEntry | None


def chain(execution: Execution) -> Chain:
    """The entries of the case; unbroken: each says what it said when it was written, and what it followed then is there."""
    own = Q(object_type="remediation.execution", object_id=str(execution.pk))
    asked = [str(pk) for pk in execution.approvals.values_list("pk", flat=True)]
    found = AuditEntry.objects.filter(own | Q(object_type="remediation.approval", object_id__in=asked))
    entries = list(found.order_by("-id")[:MOST_ENTRIES])
    before = dict(AuditEntry.objects.filter(hash__in=[one.previous for one in entries]).values_list("hash", "pk"))
    return Chain(entries, next((one for one in reversed(entries) if not _holds(one, before)), None))


def _holds(entry: AuditEntry, before: Mapping[str, int]) -> bool:
    follows = not entry.previous or before.get(entry.previous, entry.pk) < entry.pk
    return follows and entry.content_hash() == entry.hash
