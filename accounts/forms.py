import zoneinfo

from django import forms
from django.http import QueryDict

from accounts import tokens
from accounts.models import TokenKind, User
from accounts.permissions import PERMISSIONS, can

TERMS = {"30": "In 30 days", "90": "In 90 days", "365": "In 1 year", "": "Never, until revoked"}


class ProfileForm(forms.ModelForm):
    time_zone = forms.ChoiceField(choices=[(name, name) for name in sorted(zoneinfo.available_timezones())])

    class Meta:
        model = User
        fields = ("name", "time_zone", "theme", "single_keys")

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if "@" in name:
            raise forms.ValidationError("A name is not an e-mail address; leave the @ out.")
        if User.objects.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Somebody else has this name.")
        return name


class TokenForm(forms.Form):
    """Scopes offered are those of the owner's role; tokens.issue has the last word."""

    name = forms.CharField(max_length=100)
    kind = forms.ChoiceField(choices=TokenKind, initial=TokenKind.PERSONAL, required=False)
    scopes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    days = forms.ChoiceField(choices=list(TERMS.items()), initial="90", required=False)

    def __init__(self, owner: User, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.owner = owner
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(name, meaning) for name, (meaning, _) in PERMISSIONS.items() if can(owner, name)]
        scopes.error_messages["invalid_choice"] = f"%(value)s is more than the role {owner.role} allows."
        self.may_ingest = can(owner, tokens.INGEST_SCOPES[0])

    def issue(self) -> str | None:
        """The new token's text; None with the refusal among the form's errors."""
        asked = self.cleaned_data
        kind = asked["kind"] or TokenKind.PERSONAL
        scopes = [] if kind == TokenKind.INGEST else asked["scopes"]
        try:
            self.token, raw = tokens.issue(self.owner, asked["name"], scopes, kind=kind, days=int(asked["days"]) if asked["days"] else None)
        except tokens.TokenError as fault:
            self.add_error("scopes", str(fault))
            return None
        return raw
