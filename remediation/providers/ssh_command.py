"""Another machine by SSH: the same verbs in the words of its own programs. Its sshd hands the line to the login's shell: all is quoted."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from remediation.providers import command_allow as allow
from remediation.providers import command_jobs as jobs
from remediation.providers.base import ActionError, Ask, Line, Preview
from remediation.providers.ssh_connect import SshFault, command_line, connected, look

REHEARSAL = 10.0  # seconds
MOST_SHOWN = 100
SPECIAL = re.compile(r"([.\[\](){}*+?^$|\\])")  # of extended regular expressions, which pgrep reads


class Remote:
    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        self.config, self.secrets = config, secrets

    @property
    def where(self) -> dict[str, Any]:
        """Raises NotAllowed where no host key is pinned."""
        key = allow.host_key(str(self.config.get("host_key") or ""))
        host, login = str(self.config.get("host") or ""), str(self.config.get("login") or "")
        return {"host": host, "port": int(self.config.get("port") or 22), "login": login, "host_key": list(key)}

    def job(self, made: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """For ssh_run. `fine`: statuses that mean there was nothing to do. Raises NotAllowed."""
        argv, fine = self._argv(made), [0, 1] if made["kind"] == "kill" else [0]
        line = command_line(argv, self._environment(), timeout)
        return {"kind": "ssh", **self.where, "command": line, "argv": argv, "fine": fine, "asked": dict(made)}

    def _environment(self) -> dict[str, str]:
        lines = [line for line in allow.lines(str(self.config.get("environment") or "")) if "=" in line]
        found = allow.environment("\n".join(lines))
        return {name: found[name] for name in (line.partition("=")[0] for line in lines)}

    def _argv(self, made: Mapping[str, Any], rehearse: bool = False) -> list[str]:
        if made["kind"] == "clean":
            return _find(made, rehearse)
        if made["kind"] == "kill":
            return _kill(made, rehearse)
        found: list[str] = list(made["argv"])
        return found

    def _look(self, argv: list[str]) -> tuple[int, list[str]]:
        """Raises ActionError."""
        try:
            with connected(self.where, self.secrets) as client:
                status, said = look(client, argv, REHEARSAL)
        except SshFault as fault:
            raise ActionError(str(fault), permanent=fault.permanent) from None
        except allow.NotAllowed as fault:
            raise ActionError(str(fault), permanent=True) from None
        return status, jobs.clean_lines(said.encode())

    def check(self) -> str:
        status, said = self._look(["id", "-un"])
        if status:
            raise ActionError(f"{self.config.get('host')} lets us in, but runs nothing: {' '.join(said)[:200]}", permanent=True)
        return f"{self.config.get('host')} as {said[0] if said else '?'}: its host key is the pinned one"

    def preview(self, job: Mapping[str, Any], ask: Ask) -> Preview:
        """Raises ActionError."""
        made = job["asked"]
        if made["kind"] == "clean":
            return self._clean(made)
        if made["kind"] == "kill":
            return self._kill(made)
        words = f"Would run on {self.config.get('host')}: {shlex.join(job['argv'])}"
        argv = ["/usr/sbin/logrotate", "--debug", job["argv"][-1]] if ask.verb == "rotate_logs" else ["test", "-x", job["argv"][0]]
        status, said = self._look(argv)
        if status:
            raise ActionError(f"{argv[-1]} cannot be run on {self.config.get('host')}", permanent=True)
        return Preview(words, [Line(line) for line in said])

    def _clean(self, made: Mapping[str, Any]) -> Preview:
        status, said = self._look(_find(made, rehearse=True))
        if status:
            raise ActionError(f"{made['directory']} cannot be read: {' '.join(said[-1:])}", permanent=True)
        if not said:
            return Preview(f"No file in {made['directory']} is that old: nothing would be deleted.", changes=False)
        shown = [*said[:MOST_SHOWN], *([f"and {len(said) - MOST_SHOWN:,} more"] if len(said) > MOST_SHOWN else [])]
        diff = "\n".join(f"-{line}" for line in shown)
        return Preview(
            f"Would delete {len(said):,} files from {made['directory']} on {self.config.get('host')}.", [Line(line) for line in shown], diff
        )

    def _kill(self, made: Mapping[str, Any]) -> Preview:
        _, said = self._look(_kill(made, rehearse=True))
        if not said:
            return Preview("No such process runs: nothing would be ended.", changes=False)
        return Preview(f"Would end {len(said)} of {made['name']} on {self.config.get('host')}.", [Line(line) for line in said])


def _find(made: Mapping[str, Any], rehearse: bool) -> list[str]:
    if made["least_free"] is not None:
        raise allow.NotAllowed("by SSH nobody watches how much is free: leave least_free out")
    age = ["-mmin", f"+{made['older_than'] / 60:g}"] if made["older_than"] else []
    argv = ["find", "-P", made["directory"], "-xdev", "-type", "f", "-name", made["pattern"], *age, "-print"]
    return argv if rehearse else [*argv, "-delete"]


def _kill(made: Mapping[str, Any], rehearse: bool) -> list[str]:
    if made["pid"] not in (None, ""):
        raise allow.NotAllowed("by SSH a process is ended by its name: its id may be another's by then")
    if not made["all"]:
        raise allow.NotAllowed("by SSH all processes of a name are ended: say that all are meant")
    name = SPECIAL.sub(r"\\\1", made["name"])
    return ["pgrep", "-l", "-x", name] if rehearse else ["pkill", "-TERM", "-x", name]
