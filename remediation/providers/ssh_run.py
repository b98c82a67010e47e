"""What the supervisor does where the program runs on another machine: it holds the connection and passes on what is said."""

import os
import time
from collections.abc import Mapping
from typing import Any

from remediation.providers.ssh_connect import CONNECT, SshFault, connected

TRIES, BETWEEN = 3, 2.0  # to connect; seconds


def main(job: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """{"exit"}: its status there. {"never"}: why nothing was asked there. {"lost"}: the connection ended and nobody can tell."""
    for attempt in range(TRIES):
        try:
            return _run(job, secrets)
        except SshFault as fault:
            if fault.permanent or attempt + 1 == TRIES:
                return {"never": str(fault)}
            time.sleep(BETWEEN)
    raise AssertionError


def _run(job: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    import paramiko

    with connected(job, secrets) as client:
        try:
            channel = client.get_transport().open_session(timeout=CONNECT)
        except (paramiko.SSHException, OSError) as fault:
            raise SshFault(f"{job['host']} opens no session: {fault}") from None
        try:
            channel.set_combine_stderr(True)
            channel.exec_command(job["command"])
            while said := channel.recv(32768):
                os.write(1, said)
            status = channel.recv_exit_status()
        except (paramiko.SSHException, OSError) as fault:
            return {"lost": str(fault) or "no answer"}
    if status < 0:
        return {"lost": "it ended without a status"}
    return {"exit": 0 if status in job["fine"] else status}
