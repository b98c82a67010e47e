"""The form of a silence: what was typed becomes a silence, and what is wrong stands at its field."""

import re
import zoneinfo
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from monitoring.alerts import silence_words, silences
from monitoring.alerts.checks import MOST_MATCHERS, OPERATORS, Fault, check_silence
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silence_words import Recurrence

PRESETS = {"1h": "1 hour", "4h": "4 hours", "tomorrow": "Until tomorrow 09:00", "until": "Until…"}
LONGEST_MATCHER = 1200
_MATCHER = re.compile(r"\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_TOLD_APART = ("instance", "host", "node", "pod", "gpu", "device", "mountpoint", "service")  # labels that a silence of one alert names
Matcher = tuple[str, str, str]  # name, operator, value


@dataclass
class SilenceForm:
    """As typed; times by the clock of `time_zone`."""

    kind: str = "silence"
    matchers: list[Matcher] = field(default_factory=list)
    reason: str = ""
    starts: str = ""  # empty: now
    preset: str = "1h"
    ends: str = ""
    time_zone: str = "UTC"
    recurrence: Recurrence = field(default_factory=Recurrence)
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, silence: Silence, again: bool = False) -> "SilenceForm":
        """Of one that is there; `again`: as a new one that begins now."""
        zone = ZoneInfo(silence.time_zone)
        rows = [(one["name"], one["op"], one["value"]) for one in silence.matchers]
        starts, ends = ("" if again else _wall(when.astimezone(zone)) for when in (silence.starts_at, silence.ends_at))
        preset = "1h" if again else "until"
        return cls(silence.kind, rows, silence.reason, starts, preset, ends, silence.time_zone, silence_words.read(silence.rrule))

    @classmethod
    def asked(cls, given: QueryDict, time_zone: str) -> "SilenceForm":
        """A new one, with what the address says: matcher=name="value" (many), alert=id, kind, reason, preset."""
        kind, preset = given.get("kind", "silence"), given.get("preset", "1h")
        form = cls(
            kind if kind in Silence.Kind.values else "silence", [], given.get("reason", "")[:2000], time_zone=time_zone,
            preset=preset if preset in PRESETS else "1h",
        )  # fmt: skip
        form.matchers = [found for text in given.getlist("matcher")[:MOST_MATCHERS] if (found := matcher(text))]
        alert = given.get("alert", "")
        if alert.isdecimal() and len(alert) <= 18 and not form.matchers:
            row = Alert.objects.filter(pk=int(alert)).only("name", "labels").first()
            form.matchers = of_alert(row) if row else []
        return form

    @classmethod
    def typed(cls, given: QueryDict, time_zone: str) -> "SilenceForm":
        rows = zip(given.getlist("matcher_name"), given.getlist("matcher_op"), given.getlist("matcher_value"), strict=False)
        form = cls(
            given.get("kind", "silence"), [(name.strip(), op, value) for name, op, value in rows if name.strip() or value],
            given.get("reason", "").strip(), given.get("starts", "").strip(), given.get("preset", "until"), given.get("ends", "").strip(),
            given.get("time_zone", "").strip() or time_zone,
        )  # fmt: skip
        form.recurrence = form._recurrence(given)
        return form

    def _recurrence(self, given: QueryDict) -> Recurrence:
        every, last = given.get("every", "1").strip() or "1", given.get("last_day", "").strip()
        if not (every.isdecimal() and 1 <= int(every[:9]) <= silence_words.MOST_EVERY):
            self.faults.append(Fault("every", f"A whole number from 1 to {silence_words.MOST_EVERY}."))
            every = "1"
        days = [day for day in silence_words.DAYS if day in given.getlist("day")]
        monthly = given.get("monthly", "day")
        found = Recurrence(given.get("repeat", ""), int(every), days, monthly, custom=given.get("rrule", "").strip())
        if found.repeat not in silence_words.REPEATS:
            self.faults.append(Fault("repeat", f"There are {', '.join(filter(None, silence_words.REPEATS))}."))
        if found.repeat == "custom" and not found.custom:
            self.faults.append(Fault("rrule", "Write one line such as FREQ=WEEKLY;BYDAY=SU."))
        found.until = self._date(last) if last and found.repeat in silence_words.FREQUENCIES else None
        return found

    def _date(self, text: str) -> date | None:
        try:
            found = parse_date(text)
        except ValueError:
            found = None
        if found is None:
            self.faults.append(Fault("last_day", "A day, for example 2026-12-31."))
        return found

    def silence(self, now: datetime | None = None) -> Silence:
        """Unsaved. All faults stand in `faults` afterwards."""
        now = (now or timezone.now()).replace(microsecond=0)
        known = self.time_zone in zoneinfo.available_timezones()
        zone = ZoneInfo(self.time_zone) if known else ZoneInfo("UTC")
        starts = self._moment("starts", self.starts, zone) or now
        ends = self._end(starts, zone)
        local = starts.astimezone(zone).replace(tzinfo=None)
        made = Silence(
            kind=self.kind, matchers=[{"name": name, "op": op, "value": value} for name, op, value in self.matchers], reason=self.reason,
            starts_at=starts, ends_at=ends, rrule=self.recurrence.rrule(local), time_zone=self.time_zone,
        )  # fmt: skip
        self.faults += [one for one in check_silence(made) if not any(one.field == said.field for said in self.faults)]
        if not self.faults and not made.rrule and ends <= now:
            self.faults.append(Fault("ends_at", "It would be over already."))
        return made

    def _end(self, starts: datetime, zone: ZoneInfo) -> datetime:
        if self.preset in PRESETS and self.preset != "until":
            return silences.until(self.preset, starts, zone.key)
        found = self._moment("ends", self.ends, zone)
        if found is None and not any(one.field == "ends_at" for one in self.faults):
            self.faults.append(Fault("ends_at", "Say when it ends."))
        return found or starts + timedelta(hours=1)

    def _moment(self, name: str, text: str, zone: ZoneInfo) -> datetime | None:
        """A time by the clock of the zone."""
        try:
            found = parse_datetime(text) if text else None
            if found is not None:
                return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        if text:
            self.faults.append(Fault(f"{name}_at", "A time, for example 2026-11-20T14:30."))
        return None

    def by_field(self) -> dict[str, list[Fault]]:
        found: dict[str, list[Fault]] = {}
        for one in self.faults:
            found.setdefault(one.field, []).append(one)
        return found


def matcher(text: str) -> Matcher | None:
    """One as people write it: alertname=Down, instance=~"web.*". None for what is none."""
    found = _MATCHER.fullmatch(text) if len(text) <= LONGEST_MATCHER else None
    if not found or found[2] not in OPERATORS:
        return None
    value = found[3]
    return found[1], found[2], value[1:-1].replace('\\"', '"') if len(value) > 1 and value[0] == value[-1] == '"' else value


def of_alert(alert: Alert) -> list[Matcher]:
    """The alert's name, and the labels that say what it is about."""
    return [("alertname", "=", alert.name)] + [(name, "=", alert.labels[name]) for name in _TOLD_APART if alert.labels.get(name)]


def _wall(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M")
