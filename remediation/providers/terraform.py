"""The terraform program on this machine: it plans in a directory that is allowed, people see the plan, and exactly that plan is applied.

A plan lies in DATA_DIR/plans/<id>: the plan itself, the variables it was made with, Terraform's own data. The apply runs apart from us, as
local commands do, so that it outlives a crash.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.conf import settings

from aiops.plugin_forms import ConfigForm
from remediation.providers import command_jobs as jobs
from remediation.providers.base import (
    FAILED,
    HIDDEN,
    MOST_OUTPUT,
    RUNNING,
    SUCCEEDED,
    ActionError,
    ActionProvider,
    Answer,
    Ask,
    Line,
    Parameter,
    Preview,
    Verb,
)
from remediation.providers.rest import wanted
from remediation.providers.terraform_plan import changed, summary

ID = re.compile(r"[A-Za-z0-9-]{1,64}")
NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
PASSED_ON = ("PATH", "HOME", "LANG", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE")  # of our own environment
NOT_THEIRS = ("TF_DATA_DIR", "TF_INPUT", "TF_IN_AUTOMATION", "TF_CLI_ARGS", "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH")
NOTHING, CHANGES = 0, 2  # exit status of plan -detailed-exitcode
LOCK = "-lock-timeout=30s"
MOST_VERSION = 10.0  # seconds


class TerraformForm(ConfigForm):
    binary = forms.CharField(label="Program", max_length=300, initial="/usr/bin/terraform", help_text="Whole path of terraform or tofu.")
    directories = forms.CharField(
        label="Directories",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "network = /srv/terraform/network"}),
        help_text="What may be applied, one a line: name = whole path.",
    )
    environment = forms.CharField(
        label="Environment",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        required=False,
        help_text="Credentials the modules need, one a line: NAME=value. Kept encrypted.",
    )

    def clean_binary(self) -> str:
        path = str(self.cleaned_data["binary"]).strip()
        if not os.path.isabs(path):
            raise forms.ValidationError("Write the whole path, such as /usr/bin/terraform.")
        return path

    def clean_directories(self) -> str:
        return _checked(self.cleaned_data["directories"], directories)

    def clean_environment(self) -> str:
        return _checked(self.cleaned_data["environment"], variables)


def _checked(text: str, reader: Any) -> str:
    try:
        reader(text)
    except ValueError as fault:
        raise forms.ValidationError(str(fault)) from None
    return text


def directories(text: str) -> dict[str, str]:
    """Raises ValueError."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, path = (part.strip() for part in line.partition("="))
        if not equals or not name or not os.path.isabs(path):
            raise ValueError(f"“{line[:80]}” is not: name = /whole/path")
        found[name] = path
    return found


def variables(text: str) -> dict[str, str]:
    """Raises ValueError, which does not repeat a value."""
    found = {}
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        name, equals, value = line.partition("=")
        if not equals or not NAME.fullmatch(name):
            raise ValueError(f"Line {number} is not: NAME=value")
        if name in NOT_THEIRS:
            raise ValueError(f"{name} is set here")
        found[name] = value
    return found


class Terraform(ActionProvider):
    label = "Terraform on this machine"
    icon = "cloud"
    about = "Plans with the terraform or tofu program and applies the plan that was approved."
    Config = TerraformForm
    secret_fields = ("environment",)
    deadline = 100.0  # of a whole plan: it asks the providers what is there
    verbs: ClassVar[Mapping[str, Verb]] = {
        "apply": Verb(
            "apply",
            "Plan and apply a directory",
            (
                Parameter("directory", label="Directory", about="One of the names in the provider's settings", required=True),
                Parameter("variables", "object", "Variables"),
            ),
            risk="high",
            rehearsable=True,
            plans=True,
        )
    }

    def check(self) -> str:
        done = self._run(["version", "-json"], "/", {}, MOST_VERSION)
        try:
            version = json.loads(done.stdout)["terraform_version"]
        except (ValueError, KeyError):
            raise ActionError(f"{self.config['binary']} does not say its version", permanent=True) from None
        missing = [path for path in directories(str(self.config["directories"])).values() if not os.path.isdir(path)]
        if missing:
            raise ActionError(f"{missing[0]} is no directory", permanent=True)
        return f"Terraform {version}"

    # -- planning ------------------------------------------------------------------------------------------------------------
    def dry_run(self, ask: Ask) -> Preview:
        place, source = _place(ask.key), self._source(ask)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (place / "variables.tfvars.json").write_text(json.dumps(_given(ask)))
        environment = self._environment(place)
        until = time.monotonic() + self.deadline
        self._must(["init", "-input=false", "-no-color"], source, environment, until)
        arguments = ["plan", "-input=false", "-no-color", "-detailed-exitcode", LOCK, f"-var-file={place / 'variables.tfvars.json'}"]
        done = self._run([*arguments, f"-out={place / 'plan'}"], source, environment, until - time.monotonic())
        if done.returncode not in (NOTHING, CHANGES):
            raise self._failure("plan", done)
        shown = self._must(["show", "-json", str(place / "plan")], source, environment, until)
        changes = json.loads(shown.stdout).get("resource_changes") or []
        return Preview(summary(changes), _lines(self.masked(done.stdout)), changed(changes), ask.key, changes=done.returncode == CHANGES)

    def _source(self, ask: Ask) -> str:
        allowed, named = directories(str(self.config["directories"])), wanted(ask.params, "directory")
        if named not in allowed:
            raise ActionError(f"{named} is not a directory that may be applied; those are {', '.join(sorted(allowed))}", permanent=True)
        return allowed[named]

    def _environment(self, place: Path) -> dict[str, str]:
        ours = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        own = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "TF_DATA_DIR": str(place / "data"), "CHECKPOINT_DISABLE": "1"}
        return {**ours, **variables(str(self.secrets.get("environment") or "")), **own}

    def _run(self, arguments: list[str], cwd: str, environment: Mapping[str, str], seconds: float) -> "subprocess.CompletedProcess[str]":
        command = [str(self.config["binary"]), *arguments]
        try:
            return subprocess.run(  # noqa: S603
                command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=max(seconds, 0.1), check=False, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ActionError(f"terraform {arguments[0]} took longer than {self.deadline:.0f} s") from None
        except OSError as fault:
            raise ActionError(f"{command[0]} cannot be run: {fault.strerror}", permanent=True) from None

    def _must(self, arguments: list[str], cwd: str, environment: Mapping[str, str], until: float) -> "subprocess.CompletedProcess[str]":
        done = self._run(arguments, cwd, environment, until - time.monotonic())
        if done.returncode:
            raise self._failure(arguments[0], done)
        return done

    def _failure(self, what: str, done: "subprocess.CompletedProcess[str]") -> ActionError:
        said = [line.strip(" │╷╵") for line in (done.stderr or done.stdout).splitlines()]
        words = next((line for line in said if line.startswith("Error")), next(filter(None, reversed(said)), ""))
        return ActionError(
            self.masked(f"terraform {what} ended with {done.returncode}{f': {words[:300]}' if words else ''}"), permanent=True
        )

    # -- applying ------------------------------------------------------------------------------------------------------------
    def run(self, ask: Ask) -> Answer:
        place, source = _place(str(ask.params.get("plan") or "")), self._source(ask)
        if not (place / "plan").is_file():
            raise ActionError("there is no plan that was approved; it is made before the approval is asked for", permanent=True)
        argv = [str(self.config["binary"]), "apply", "-input=false", "-no-color", LOCK, str(place / "plan")]
        secrets = self._environment(place)  # by standard input: it never lies on a disk
        job = {"kind": "terraform", "argv": argv, "cwd": source, "timeout": ask.timeout, "most_output": MOST_OUTPUT}
        jobs.begin(ask.key, job, secrets)
        return Answer(RUNNING, "The plan is being applied", ask.key, poll_in=2.0)

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        standing = jobs.standing(handle)
        said, cursor, more = jobs.read(handle, cursor, whole=standing != jobs.RUNNING)
        lines = [Line(self.masked(line.text), "error" if line.text.startswith("Error") else line.level) for line in said]
        if standing == jobs.RUNNING or more:
            return Answer(RUNNING, "The plan is being applied", handle, cursor, lines, poll_in=2.0)
        if standing == jobs.NONE:
            raise ActionError("this apply was never begun", permanent=True)
        if standing == jobs.LOST:
            raise ActionError("terraform was killed while it applied the plan: nobody knows how far it came", permanent=True, unclear=True)
        return self._ended(handle, cursor, lines)

    def _ended(self, handle: str, cursor: str, lines: list[Line]) -> Answer:
        ending = jobs.ending(handle)
        facts = {"exit": ending["exit"], "seconds": ending["seconds"]}
        if ending["exit"] == 0 and not ending["stopped"]:
            return Answer(SUCCEEDED, self.masked(jobs.last_line(handle)) or "The plan was applied", handle, cursor, lines, facts)
        why = f"was stopped ({ending['stopped']})" if ending["stopped"] else f"ended with {ending['exit']}"
        return Answer(FAILED, f"terraform apply {why}", handle, cursor, lines, facts)

    def resume(self, ask: Ask) -> Answer | None:
        return None if jobs.standing(ask.key) == jobs.NONE else self.poll(ask, ask.key, "")

    def discard(self, ask: Ask, plan: str) -> None:
        shutil.rmtree(_place(plan), ignore_errors=True)

    def cancel(self, ask: Ask, handle: str) -> Answer:
        jobs.ask_to_stop(handle)
        return self.poll(ask, handle, "")

    def masked(self, text: str) -> str:
        """Without the values of the environment we were given."""
        for value in sorted(variables(str(self.secrets.get("environment") or "")).values(), key=len, reverse=True):
            if len(value) > 3:
                text = text.replace(value, HIDDEN)
        return text


def _place(plan: str) -> Path:
    if not ID.fullmatch(plan):
        raise ActionError("there is no plan that was approved; it is made before the approval is asked for", permanent=True)
    return Path(settings.DATA_DIR) / "plans" / plan


def _given(ask: Ask) -> dict[str, Any]:
    given = ask.params.get("variables") or {}
    if not isinstance(given, Mapping):
        raise ActionError("variables has to be an object", permanent=True)
    return dict(given)


def _lines(text: str) -> list[Line]:
    return [Line(line) for line in text.splitlines() if line.strip()][:500]
