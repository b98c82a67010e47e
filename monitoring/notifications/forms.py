"""Forms of what people set up: channels, routes, escalation policies, on-call schedules, and how they want to hear themselves."""

import zoneinfo
from typing import Any, ClassVar

from django import forms
from django.forms import BaseFormSet
from django.http import QueryDict

from accounts.models import Role, User
from aiops.plugin_forms import dress
from monitoring.alerts import durations
from monitoring.alerts.models import Severity
from monitoring.notifications.inbox import NoticePreference
from monitoring.notifications.models import (
    Channel,
    ContactMethod,
    EscalationPolicy,
    EscalationStep,
    Route,
    Schedule,
    ScheduleLayer,
    ScheduleOverride,
)

DAYS = [(0, "Mon"), (1, "Tue"), (2, "Wed"), (3, "Thu"), (4, "Fri"), (5, "Sat"), (6, "Sun")]
MOST_STEPS, MOST_LAYERS = 20, 10
WALL = "%Y-%m-%dT%H:%M"


class Days(forms.TypedMultipleChoiceField):
    def __init__(self, label: str = "On these days") -> None:
        super().__init__(
            label=label, choices=DAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple, help_text="None = every day."
        )


class Clock(forms.TimeField):
    """An hour of the day."""

    def __init__(self, label: str) -> None:
        super().__init__(label=label, required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


class Moment(forms.DateTimeField):
    def __init__(self, label: str, required: bool = True, help_text: str = "") -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=WALL)
        super().__init__(label=label, required=required, widget=widget, help_text=help_text)


class Wait(forms.CharField):
    """A duration: 30s, 5m, 4h. The value is seconds."""

    def __init__(self, label: str, help_text: str = "") -> None:
        super().__init__(label=label, max_length=40, help_text=help_text)

    def prepare_value(self, value: Any) -> Any:
        return durations.shown(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int:
        try:
            return round(durations.seconds(super().clean(value)))
        except ValueError as fault:
            raise forms.ValidationError(f"{fault}.") from None


class Zone(forms.CharField):
    def __init__(self) -> None:
        attrs = {"list": "zones", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(label="Time zone", max_length=64, initial="UTC", widget=forms.TextInput(attrs=attrs))

    def clean(self, value: Any) -> str:
        found = str(super().clean(value))
        if found not in zoneinfo.available_timezones():
            raise forms.ValidationError(f"{found[:40]} is not a time zone; write for example Europe/Berlin.")
        return found


class Checked(forms.ModelForm):
    """A fault that the row's own check finds in what is no field here stands above the form, or where `stands_at` says."""

    stands_at: ClassVar[dict[str, str]] = {}

    def add_error(self, field: str | None, error: Any) -> None:
        if field is not None or not hasattr(error, "error_dict"):
            super().add_error(field, error)
            return
        for name, found in error.error_dict.items():
            place = self.stands_at.get(name, name)
            if place not in self.errors:
                super().add_error(place if place in self.fields else None, found)


class ChannelForm(Checked):
    quiet_from, quiet_to = Clock("Quiet from"), Clock("Quiet until")
    quiet_days = Days("Quiet on")
    time_zone = Zone()

    class Meta:
        model = Channel
        fields = ("name", "enabled", "quiet_from", "quiet_to", "quiet_days", "quiet_except", "time_zone")
        labels = {"quiet_except": "Told even then, from"}
        help_texts = {"quiet_except": "What is held is told when the quiet hours end, if it still matters."}

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        _choices(self.fields["quiet_except"], "Nothing")


class RouteForm(Checked):
    """Matchers come as rows of name, comparison and value."""

    group_by = forms.CharField(
        label="Group by",
        max_length=1000,
        required=False,
        help_text="Labels, separated by commas. Empty: all together. … = each alert by itself.",
    )
    group_wait = Wait("Wait for more", "After the first alert of a group: 15s.")
    group_interval = Wait("Between two notices", "About the same group: 1m.")
    repeat_interval = Wait("Repeat every", "While it goes on and nobody has it: 4h. 0 = never.")
    channels = forms.ModelMultipleChoiceField(Channel.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple)
    active_from, active_to = Clock("Takes alerts from"), Clock("until")
    active_days = Days("Only on")
    time_zone = Zone()

    class Meta:
        model = Route
        fields = (
            "name", "enabled", "channels", "policy", "group_by", "group_wait", "group_interval", "repeat_interval", "tells_resolved",
            "goes_on", "active_from", "active_to", "active_days", "time_zone",
        )  # fmt: skip
        labels = {"policy": "Escalation"}

    def __init__(self, data: QueryDict | None = None, **rest: Any) -> None:
        super().__init__(data, **rest)
        policy = self.fields["policy"]
        assert isinstance(policy, forms.ModelChoiceField)
        policy.empty_label = "None"
        self.initial["group_by"] = ", ".join("…" if name == "..." else name for name in self.instance.group_by)
        stored = [(one["name"], one.get("op", "="), one["value"]) for one in self.instance.matchers]
        self.matchers = stored if data is None else matchers_of(data)
        self.instance.matchers = [{"name": name, "op": op, "value": value} for name, op, value in self.matchers]

    def clean_group_by(self) -> list[str]:
        given = str(self.cleaned_data["group_by"]).replace("…", "...")
        return [name for part in given.split(",") if (name := part.strip())]


def matchers_of(given: QueryDict) -> list[tuple[str, str, str]]:
    rows = zip(given.getlist("matcher_name"), given.getlist("matcher_op"), given.getlist("matcher_value"), strict=False)
    return [(name.strip(), op, value) for name, op, value in rows if name.strip() or value]


class PolicyForm(forms.ModelForm):
    class Meta:
        model = EscalationPolicy
        fields = ("name", "description", "repeat")
        labels = {"repeat": "Begin again, times"}
        help_texts = {"repeat": "After the last step, while nobody has acknowledged. 0 = once through."}


class StepForm(Checked):
    wait = Wait("After", "From the step before it: 0s, 5m, 1h.")
    role = forms.ChoiceField(choices=[("", "---------"), *Role.choices], required=False)

    class Meta:
        model = EscalationStep
        fields = ("wait", "target", "user", "role", "schedule", "channel")

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        for name, label in (("user", "Person"), ("role", "Role"), ("schedule", "On-call schedule"), ("channel", "Channel")):
            self.fields[name].label = label
        _people(self.fields["user"])

    def clean(self) -> dict[str, Any]:
        """Only what the target names is kept."""
        given = super().clean() or {}
        for name in ("user", "role", "schedule", "channel"):
            if name != given.get("target"):
                given[name] = "" if name == "role" else None
        return given


class ScheduleForm(forms.ModelForm):
    time_zone = Zone()

    class Meta:
        model = Schedule
        fields = ("name", "description", "time_zone")


class LayerForm(Checked):
    """Times are by the schedule's clock."""

    stands_at: ClassVar[dict[str, str]] = {"participants": "people"}

    people = forms.CharField(
        label="Who, in turn",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=20_000,
        help_text="A name or an e-mail address per line, in the order of their turns.",
    )
    starts_at = Moment("First shift begins")
    ends_at = Moment("Ends", required=False, help_text="Empty: it goes on.")
    active_from, active_to = Clock("Only from"), Clock("until")
    active_days = Days("Only on")

    class Meta:
        model = ScheduleLayer
        fields = ("name", "people", "starts_at", "shift_hours", "rrule", "ends_at", "active_from", "active_to", "active_days")
        labels = {"shift_hours": "A shift lasts, hours", "rrule": "Shifts begin by this rule"}
        help_texts = {
            "shift_hours": "168 = a week. With a rule, 0 = until the next one.",
            "rrule": "Empty: one after the other. For example FREQ=WEEKLY;BYDAY=MO,FR.",
        }
        widgets = {"rrule": forms.TextInput(attrs={"spellcheck": "false"})}

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        names = (
            dict(User.objects.filter(pk__in=self.instance.participants or []).values_list("pk", "name"))
            if self.instance.participants
            else {}
        )
        self.initial.setdefault("people", "\n".join(names.get(pk, f"person {pk}, gone") for pk in self.instance.participants or []))

    def clean_people(self) -> str:
        """Their ids, in order, become the layer's participants."""
        found, unknown = [], []
        for line in filter(None, map(str.strip, str(self.cleaned_data["people"]).splitlines())):
            try:
                found.append(User.objects.named(line).pk)
            except User.DoesNotExist:
                unknown.append(line[:60])
        if unknown:
            raise forms.ValidationError(f"Nobody is called {', '.join(unknown[:3])}.")
        self.instance.participants = found
        return str(self.cleaned_data["people"])


class OverrideForm(Checked):
    starts_at, ends_at = Moment("From"), Moment("Until")

    class Meta:
        model = ScheduleOverride
        fields = ("user", "starts_at", "ends_at", "reason")
        labels = {"user": "Who stands in"}

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        _people(self.fields["user"])


class PreferenceForm(forms.ModelForm):
    quiet_from, quiet_to = Clock("Leave me alone from"), Clock("until")

    class Meta:
        model = NoticePreference
        fields = ("toast_from", "sound", "email_from", "quiet_from", "quiet_to", "quiet_except")
        labels = {
            "toast_from": "Show a toast from",
            "sound": "With a sound",
            "email_from": "Mail me from",
            "quiet_except": "Told even then, from",
        }
        help_texts = {
            "email_from": "When an escalation or an on-call schedule names me.",
            "quiet_to": "By the clock of my time zone.",
        }

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        for name, none in (("toast_from", "Never"), ("email_from", "Never"), ("quiet_except", "Nothing")):
            _choices(self.fields[name], none)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if (given.get("quiet_from") is None) != (given.get("quiet_to") is None):
            self.add_error("quiet_to" if given.get("quiet_to") is None else "quiet_from", "Hours have a beginning and an end.")
        return given


class ContactForm(forms.ModelForm):
    class Meta:
        model = ContactMethod
        fields = ("channel", "address", "severity_from")
        labels = {"address": "Who I am there", "severity_from": "From"}
        help_texts = {"address": "A member id, for Slack. Empty: my e-mail address."}

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        channels = self.fields["channel"]
        assert isinstance(channels, forms.ModelChoiceField)
        channels.queryset = Channel.objects.filter(kind__in=("slack", "email"), enabled=True).order_by("name")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        same = ContactMethod.objects.filter(user=self.instance.user, channel=given.get("channel"), address=given.get("address", ""))
        if same.exists():
            self.add_error("channel", "You are told this way already.")
        return given


def _choices(field: forms.Field, none: str) -> None:
    """Severities with a word for none."""
    assert isinstance(field, forms.ChoiceField)
    field.choices = [("", none), *Severity.choices]


def _people(field: forms.Field) -> None:
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = User.objects.filter(is_active=True).order_by("name")


def step_forms(data: QueryDict | None, steps: list[EscalationStep]) -> "BaseFormSet[StepForm]":
    return _formset(StepForm, data, list(steps), MOST_STEPS, "step")


def layer_forms(data: QueryDict | None, layers: list[ScheduleLayer]) -> "BaseFormSet[LayerForm]":
    return _formset(LayerForm, data, list(layers), MOST_LAYERS, "layer")


def _formset(form: type[forms.ModelForm], data: QueryDict | None, rows: list[Any], most: int, prefix: str) -> Any:
    """At least one; rows are written anew when they are saved, so they have no ids here."""
    made = forms.formset_factory(
        _Row.of(form), extra=0, min_num=1, max_num=most, absolute_max=most + 50, validate_min=True, can_delete=True
    )
    formset = made(data, initial=[{"row": row} for row in rows], prefix=prefix)
    for one in [*formset.forms, formset.empty_form]:
        dress(one)
    return formset


class _Row:
    """Model forms within a plain formset: the row comes by `initial`."""

    @staticmethod
    def of(form: type[forms.ModelForm]) -> type[forms.ModelForm]:
        class Row(form):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, initial: Any = None, **rest: Any) -> None:
                super().__init__(*args, instance=(initial or {}).get("row"), **rest)

        return Row


def rows_of(formset: Any) -> list[Any]:
    """The rows of a valid formset that are to stay, in their order."""
    return [one.instance for one in formset.forms if one.cleaned_data and not one.cleaned_data.get("DELETE")]
