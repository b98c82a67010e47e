"""A connection by SSH to a machine whose host key is pinned. Used by our process and by the supervisor, so nothing of Django is needed."""

import base64
import io
import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

CONNECT, SIGN_IN = 10.0, 15.0  # seconds
MOST_SAID = 64 * 1024  # bytes of a look


class SshFault(Exception):
    """One sentence for people. `permanent`: it stays until somebody changes something."""

    def __init__(self, message: str, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@contextmanager
def connected(where: Mapping[str, Any], secrets: Mapping[str, Any]) -> Iterator[Any]:
    """A paramiko SSHClient. `where`: host, port, login, host_key (type, base64). Raises SshFault."""
    import paramiko

    client = paramiko.SSHClient()
    try:
        _pin(client, where)
        _connect(client, where, secrets)
        yield client
    finally:
        client.close()


def _pin(client: Any, where: Mapping[str, Any]) -> None:
    """Only this key is taken, of this type."""
    import paramiko

    kind, key = where["host_key"]
    name = where["host"] if where["port"] == 22 else f"[{where['host']}]:{where['port']}"
    try:
        client.get_host_keys().add(name, kind, paramiko.PKey.from_type_string(kind, base64.b64decode(key)))
    except (paramiko.SSHException, paramiko.UnknownKeyType, ValueError) as fault:
        raise SshFault(f"the pinned host key cannot be read: {fault}", permanent=True) from None
    client.set_missing_host_key_policy(paramiko.RejectPolicy())


def _connect(client: Any, where: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
    import paramiko

    host = where["host"]
    try:
        client.connect(
            host, port=where["port"], username=where["login"], pkey=_private(secrets), password=secrets.get("password") or None,
            look_for_keys=False, allow_agent=False, timeout=CONNECT, banner_timeout=CONNECT, auth_timeout=SIGN_IN,
        )  # fmt: skip
    except paramiko.BadHostKeyException:
        raise SshFault(f"{host} shows another host key than the pinned one: it is not trusted", permanent=True) from None
    except paramiko.AuthenticationException:
        raise SshFault(f"{host} does not let {where['login']} in", permanent=True) from None
    except paramiko.SSHException as fault:
        unknown = "not found in known_hosts" in str(fault) or "no acceptable host key" in str(fault).lower()
        words = "shows no host key of the pinned type: it is not trusted" if unknown else f"cannot be reached: {fault}"
        raise SshFault(f"{host} {words}", permanent=unknown) from None
    except (OSError, socket.gaierror) as fault:
        raise SshFault(f"{host} cannot be reached: {fault}") from None
    client.get_transport().set_keepalive(15)


def _private(secrets: Mapping[str, Any]) -> Any:
    import paramiko

    text, passphrase = str(secrets.get("private_key") or ""), secrets.get("passphrase") or None
    if not text:
        return None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text.strip() + "\n"), password=passphrase)
        except paramiko.PasswordRequiredException:
            raise SshFault("the private key needs its passphrase", permanent=True) from None
        except (paramiko.SSHException, ValueError, IndexError, TypeError):
            continue
    raise SshFault("the private key cannot be read: it is none, or its passphrase is another", permanent=True)


def command_line(argv: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float | None = None) -> str:
    """One line that the login's shell over there splits into just these words. It ends there too when its time is over."""
    words = ["timeout", "-k", "5", f"{timeout:.0f}"] if timeout else []
    if environment:
        words += ["env", *(f"{name}={value}" for name, value in environment.items())]
    return shlex.join([*words, *argv])


def look(client: Any, argv: Sequence[str], seconds: float) -> tuple[int, str]:
    """(exit status, what it said): something that changes nothing and is soon done. Raises SshFault."""
    import paramiko

    try:
        channel = client.get_transport().open_session(timeout=CONNECT)
        channel.settimeout(seconds)
        channel.set_combine_stderr(True)
        channel.exec_command(command_line(argv, timeout=seconds))
        said = b""
        while len(said) < MOST_SAID and (part := channel.recv(32768)):
            said += part
        status = 0 if len(said) >= MOST_SAID else channel.recv_exit_status()
    except (paramiko.SSHException, OSError) as fault:
        raise SshFault(f"the connection ended: {fault or 'no answer'}") from None
    return status, said.decode(errors="replace")
