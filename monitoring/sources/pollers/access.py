"""How an HTTP peer is entered: user and password, or a token; its certificate. Fields and what they become."""

import base64
from collections.abc import Mapping
from typing import Any

from django import forms


class AccessForm(forms.Form):
    username = forms.CharField(label="User name", max_length=200, required=False, help_text="For basic authentication.")
    password = forms.CharField(label="Password", max_length=1000, required=False)
    bearer_token = forms.CharField(label="Bearer token", max_length=10_000, required=False, help_text="Instead of user name and password.")
    skip_verification = forms.BooleanField(
        label="Accept any certificate", required=False, help_text="https without checking who answers. Only for certificates of your own."
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("username") and given.get("bearer_token"):
            self.add_error("bearer_token", "Give a user name and password, or a token, not both.")
        for name in ("username", "password", "bearer_token"):
            if any(ord(letter) < 32 for letter in given.get(name) or ""):
                self.add_error(name, "Leave out line breaks and other control characters.")
        if not (given.get("bearer_token") or "").isascii():
            self.add_error("bearer_token", "A token has ASCII characters only.")
        return given


def headers(config: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, str]:
    """A user name counts before a token: one that an edit has left behind must not come back."""
    if config.get("username"):
        pair = f"{config['username']}:{secrets.get('password', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if secrets.get("bearer_token"):
        return {"Authorization": f"Bearer {secrets['bearer_token']}"}
    return {}
