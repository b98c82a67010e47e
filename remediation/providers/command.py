"""Allow-listed commands on this machine or, by SSH, on another: never a shell here, own user, limits of time and output."""

import os
import pwd
import shutil
from collections.abc import Mapping
from typing import Any, ClassVar

from remediation.providers import command_allow as allow
from remediation.providers import command_jobs as jobs
from remediation.providers import command_local as local
from remediation.providers.base import (
    FAILED,
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
from remediation.providers.command_form import HERE, SSH, CommandForm

CLEAN, RESTART, ROTATE, KILL, RUN = "clean_directory", "restart_service", "rotate_logs", "kill_process", "run"
STOPPED = {"time": "it was stopped after {seconds:g} s, its time limit", "cancelled": "it was stopped because somebody asked for it"}


class Command(ActionProvider):
    label = "Command"
    icon = "process"
    about = "Allow-listed programs on this machine or by SSH."
    Config = CommandForm
    secret_fields = ("private_key", "passphrase", "password")
    verbs: ClassVar[Mapping[str, Verb]] = {
        verb.name: verb
        for verb in (
            Verb(
                CLEAN,
                "Delete old files",
                (
                    Parameter("directory", required=True, about="One that may be cleaned, or one below it."),
                    Parameter("older_than", "duration", "Not changed for", required=True, minimum=0),
                    Parameter("pattern", default="*", about="Of the file's name: *.log"),
                    Parameter("least_free", "number", "Until this much is free (%)", minimum=0, maximum=100),
                ),
                risk="low",
                rehearsable=True,
                icon="close",
            ),
            Verb(RESTART, "Restart a service", (Parameter("service", required=True),), icon="refresh"),
            Verb(
                ROTATE,
                "Rotate logs",
                (Parameter("config", label="Configuration", required=True, about="A file of logrotate's."),),
                risk="low",
                rehearsable=True,
                icon="copy",
            ),
            Verb(
                KILL,
                "End a process",
                (
                    Parameter("name", about="As the system shows it; the only one of this name, unless all are meant."),
                    Parameter("pid", "integer", "Process id", minimum=2),
                    Parameter("started", "number", "Its start (Unix seconds)", about="With a pid: it has to be the very process."),
                    Parameter("all", "boolean", "All of this name", default=False),
                    Parameter("grace", "duration", "Time to end by itself", default=10, minimum=0, maximum=120),
                ),
                risk="high",
                rehearsable=True,
                icon="stop",
            ),
            Verb(
                RUN,
                "Run a program",
                (Parameter("program", required=True), Parameter("args", "list", "Arguments", default=())),
                icon="process",
            ),
        )
    }

    def check(self) -> str:
        """What may be done, and that it is there."""
        if self._remote:
            return self._ssh().check()
        self._may_be_user()
        programs = self._allowed(allow.programs, "programs")
        for program in programs.values():
            local.executable(program.path)
        for one in self._allowed(allow.directories, "directories"):
            if not os.path.isdir(one):
                raise ActionError(f"the directory {one} does not exist", permanent=True)
        name = self.config.get("user") or pwd.getpwuid(os.geteuid()).pw_name
        found = ", ".join(f"{count} {what}" for what, count in self._counts(len(programs)) if count)
        return f"This machine as {name}: {found or 'nothing is allowed yet'}"

    def _counts(self, programs: int) -> list[tuple[str, int]]:
        named = [("directories", "directories"), ("services", "services"), ("log rotations", "log_configs"), ("process names", "processes")]
        return [("programs", programs), *((what, len(allow.lines(self.config.get(field, "")))) for what, field in named)]

    @property
    def _remote(self) -> bool:
        return bool(self.config.get("where", HERE) == SSH)

    def _ssh(self) -> Any:
        """Over there."""
        from remediation.providers.ssh_command import Remote

        return Remote(self.config, self.secrets)

    def _allowed(self, reader: Any, field: str) -> Any:
        return reader(str(self.config.get(field) or ""))

    def _may_be_user(self) -> None:
        name = self.config.get("user")
        try:
            wanted = pwd.getpwnam(name).pw_uid if name else os.geteuid()
        except KeyError:
            raise ActionError(f"there is no user {name} on this machine", permanent=True) from None
        if os.geteuid() not in (0, wanted):
            raise ActionError(f"only root can run programs as {name}", permanent=True)

    def dry_run(self, ask: Ask) -> Preview:
        try:
            job = self.job(ask)
        except allow.NotAllowed as fault:
            raise ActionError(str(fault), permanent=True) from None
        return self._ssh().preview(job, ask) if self._remote else local.preview(job, ask)

    def run(self, ask: Ask) -> Answer:
        if jobs.standing(ask.key) == jobs.NONE:
            try:
                job = self.job(ask)
            except allow.NotAllowed as fault:
                raise ActionError(str(fault), permanent=True) from None
            jobs.begin(ask.key, job, self.secrets if self._remote else {})
        return self._answer(ask, "")

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        return self._answer(ask, cursor)

    def resume(self, ask: Ask) -> Answer | None:
        return None if jobs.standing(ask.key) == jobs.NONE else self._answer(ask, "")

    def cancel(self, ask: Ask, handle: str) -> Answer:
        if jobs.standing(ask.key) == jobs.RUNNING:
            jobs.ask_to_stop(ask.key)
        return self._answer(ask, "", most=0)

    def _answer(self, ask: Ask, cursor: str, most: int = 1) -> Answer:
        standing = jobs.standing(ask.key)
        if standing in (jobs.NONE, jobs.LOST):
            raise ActionError("what carried it out died on the way: nobody can tell how far it came", permanent=True, unclear=True)
        lines, cursor, more = jobs.read(ask.key, cursor, whole=standing == jobs.ENDED) if most else ([], cursor, False)
        if standing == jobs.RUNNING or more:
            wait = 0.0 if more else min(5.0, max(0.3, jobs.age(ask.key) / 4))
            return Answer(RUNNING, "It is running.", handle=ask.key, cursor=cursor, lines=lines, poll_in=wait)
        ending = jobs.ending(ask.key)
        if "lost" in ending["facts"]:
            raise ActionError(f"the connection was lost while it ran: {ending['facts']['lost']}", permanent=True, unclear=True)
        return _ended(ask, cursor, lines, ending)

    def job(self, ask: Ask) -> dict[str, Any]:
        """What the supervisor is to do. Raises NotAllowed, ActionError."""
        made = self._made(ask)
        if not self._remote:
            self._may_be_user()
        most = min(MOST_OUTPUT, int(self.config.get("output_limit") or 256) * 1024)
        timeout = min(ask.timeout, float(self.config.get("time_limit") or 3600))
        common = {"timeout": timeout, "most_output": most, "user": self.config.get("user", ""), "cwd": self.config.get("folder") or "/"}
        if self._remote:
            return {**common, **self._ssh().job(made, timeout), "user": "", "cwd": "/"}
        return {**common, "env": self._allowed(allow.environment, "environment"), **made}

    def _made(self, ask: Ask) -> dict[str, Any]:
        if ask.verb not in self.verbs:
            raise ActionError(f"there is no action {ask.verb!r}", permanent=True)
        made: dict[str, Any] = getattr(self, f"_{ask.verb}")(ask.params)
        return made

    def _clean_directory(self, params: Mapping[str, Any]) -> dict[str, Any]:
        allowed = self._allowed(allow.directories, "directories")
        free = params.get("least_free")
        return {
            "kind": "clean",
            "directory": allow.directory(str(params.get("directory", "")), allowed, real=not self._remote),
            "older_than": _number(params.get("older_than"), "older_than"),
            "pattern": allow.glob(str(params.get("pattern") or "*")),
            "least_free": None if free in (None, "") else _number(free, "least_free"),
        }

    def _restart_service(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = allow.listed(str(params.get("service", "")), self._allowed(allow.services, "services"), "services")
        if self._remote or os.path.isdir("/run/systemd/system"):
            argv = ["/usr/bin/systemctl", "--no-ask-password", "restart", name]
        else:
            argv = [shutil.which("service") or "/usr/sbin/service", name, "restart"]
        return {"kind": "program", "argv": [*self._sudo, *argv]}

    def _rotate_logs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        allowed = self._allowed(allow.configs, "log_configs")
        config = allow.listed(os.path.normpath(str(params.get("config", ""))), allowed, "log rotations")
        return {"kind": "program", "argv": [*self._sudo, "/usr/sbin/logrotate", "--force", "--verbose", config]}

    def _kill_process(self, params: Mapping[str, Any]) -> dict[str, Any]:
        names = self._allowed(allow.processes, "processes")
        pid, started = params.get("pid"), params.get("started")
        grace = _number(params.get("grace") if params.get("grace") not in (None, "") else 10, "grace")
        name = str(params.get("name") or "")
        if self._remote:
            return {"kind": "kill", "name": allow.listed(name, names, "processes"), "pid": pid, "all": _flag(params.get("all"))}
        return {"kind": "kill", "grace": grace, **local.processes(name, names, pid, started, _flag(params.get("all")))}

    def _run(self, params: Mapping[str, Any]) -> dict[str, Any]:
        programs: dict[str, allow.Program] = self._allowed(allow.programs, "programs")
        name = allow.listed(str(params.get("program", "")), list(programs), "programs")
        args = params.get("args") or ()
        if not isinstance(args, list | tuple):
            raise allow.NotAllowed("args has to be a list of arguments")
        argv = programs[name].argv([str(value) for value in args])
        if not self._remote:
            local.executable(argv[0])
        return {"kind": "program", "argv": argv}

    @property
    def _sudo(self) -> list[str]:
        return ["/usr/bin/sudo", "-n"] if self.config.get("sudo") else []


def _flag(value: Any) -> bool:
    """Filled-in templates are words."""
    return str(value).strip().lower() in ("true", "yes", "1")


def _number(value: Any, name: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise allow.NotAllowed(f"{name} has to be a number") from None
    if not 0 <= found <= 1e10:
        raise allow.NotAllowed(f"{name} is out of range")
    return found


def _ended(ask: Ask, cursor: str, lines: list[Line], ending: Mapping[str, Any]) -> Answer:
    """From how it ended."""
    if ending["cut"]:
        lines = [*lines, Line(f"{ending['cut']:,} more bytes of output were left out", "warning")]
    facts = {"exit": ending["exit"], "seconds": ending["seconds"], **ending["facts"]}
    well = facts["exit"] == 0 and not ending["stopped"] and "never" not in facts
    return Answer(
        SUCCEEDED if well else FAILED, _sentence(ending, jobs.last_line(ask.key)), handle=ask.key, cursor=cursor, lines=lines, facts=facts
    )


def _sentence(ending: Mapping[str, Any], said: str) -> str:
    if ending["stopped"]:
        return STOPPED[ending["stopped"]].format(seconds=ending["seconds"]).capitalize() + "."
    if "never" in ending["facts"]:
        return f"Nothing was run: {ending['facts']['never']}."
    if "files" in ending["facts"]:
        return f"{ending['facts']['files']:,} files deleted, {ending['facts']['bytes']:,} bytes."
    if ending["exit"] < 0:
        return f"It was ended by signal {-ending['exit']}."
    status = ending["facts"].get("exit", ending["exit"])
    if status:
        return f"It ended with {status}" + (f": {said[:200]}" if said else ".")
    return f"It ended well after {ending['seconds']:g} s."
