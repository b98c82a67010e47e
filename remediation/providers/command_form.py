"""What a command provider is told: where it acts, and everything it may do there."""

import pwd
from collections.abc import Callable
from typing import Any

from django import forms

from aiops.plugin_forms import ConfigForm
from remediation.providers import command_allow as allow
from remediation.providers.base import MOST_OUTPUT

HERE, SSH = "here", "ssh"


def _text(label: str, about: str, rows: int = 3) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})
    return forms.CharField(label=label, required=False, max_length=20_000, help_text=about, widget=widget)


class CommandForm(ConfigForm):
    where = forms.ChoiceField(label="Acts on", choices=[(HERE, "This machine"), (SSH, "Another machine, by SSH")], initial=HERE)
    host = forms.CharField(label="Host", required=False, max_length=255, help_text="SSH: name or address.")
    port = forms.IntegerField(label="Port", required=False, min_value=1, max_value=65535, initial=22)
    login = forms.CharField(label="Login", required=False, max_length=64, help_text="SSH: the user there.")
    host_key = forms.CharField(
        label="Host key", required=False, max_length=2000, help_text="SSH: its public key, as ssh-keyscan prints it. No other is accepted."
    )
    private_key = forms.CharField(label="Private key", required=False, max_length=20_000, widget=forms.Textarea)
    passphrase = forms.CharField(label="Passphrase of the key", required=False, max_length=1000)
    password = forms.CharField(label="Password", required=False, max_length=1000, help_text="SSH: where there is no private key.")
    programs = _text("Programs", "One a line: name = /path/of/program word {pattern of an argument} …", rows=5)
    directories = _text("Directories to clean", "One a line. Old files in them and below may be deleted.")
    services = _text("Services", "One a line. These may be restarted.")
    log_configs = _text("Log rotations", "One a line: configuration files of logrotate.")
    processes = _text("Processes", "One a line: names of processes that may be ended.")
    user = forms.CharField(label="User", required=False, max_length=64, help_text="Run as this user; AIOps has to be root for it.")
    sudo = forms.BooleanField(label="sudo", required=False, help_text="Restart services and rotate logs by sudo, without a password.")
    environment = _text("Environment", "One a line: NAME=value, or NAME to pass ours on. Nothing else of ours is passed on.")
    folder = forms.CharField(label="Working directory", required=False, max_length=1000, initial="/")
    time_limit = forms.IntegerField(label="Time limit (s)", required=False, min_value=1, max_value=86_400, initial=3600)
    output_limit = forms.IntegerField(label="Output limit (KiB)", required=False, min_value=1, max_value=MOST_OUTPUT // 1024, initial=256)

    def _read(self, name: str, reader: Callable[[str], Any]) -> str:
        text = str(self.cleaned_data.get(name) or "")
        try:
            reader(text)
        except allow.NotAllowed as fault:
            raise forms.ValidationError(str(fault)) from None
        return text

    def clean_programs(self) -> str:
        return self._read("programs", allow.programs)

    def clean_directories(self) -> str:
        return self._read("directories", allow.directories)

    def clean_services(self) -> str:
        return self._read("services", allow.services)

    def clean_log_configs(self) -> str:
        return self._read("log_configs", allow.configs)

    def clean_processes(self) -> str:
        return self._read("processes", allow.processes)

    def clean_environment(self) -> str:
        return self._read("environment", allow.environment)

    def clean_host_key(self) -> str:
        return self._read("host_key", allow.host_key).strip() if self.cleaned_data["host_key"] else ""

    def clean_folder(self) -> str:
        folder = str(self.cleaned_data["folder"] or "/")
        if not folder.startswith("/"):
            raise forms.ValidationError("Name an absolute path.")
        return folder

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("where") == SSH:
            self._need_ssh(found)
        elif found.get("user") and not _exists(found["user"]):
            self.add_error("user", f"There is no user {found['user']} on this machine.")
        return found

    def _need_ssh(self, found: dict[str, Any]) -> None:
        for name, sentence in (("host", "Name the machine."), ("login", "Name the user to sign in as."), ("host_key", "Pin its host key.")):
            if not found.get(name) and name not in self.errors:
                self.add_error(name, sentence)
        if not self.has("private_key") and not self.has("password"):
            self.add_error("private_key", "Give a private key or a password.")
        if found.get("user"):
            self.add_error("user", "By SSH it runs as who signs in: leave this empty.")


def _exists(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
