"""A real SSH server in the test's process: one login, and the shell of this machine behind every command, as sshd does it."""

import io
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from functools import cache

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519


@cache
def host_key():
    return paramiko.ECDSAKey.generate()


@cache
def private_key():
    """OpenSSH's own form, as people have it."""
    made = ed25519.Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.OpenSSH
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public(key):
    return f"{key.get_name()} {key.get_base64()}"


class Sshd(paramiko.ServerInterface):
    def __init__(self, server):
        self.server = server

    def check_auth_publickey(self, username, key):
        known = paramiko.Ed25519Key.from_private_key(io.StringIO(private_key()))
        return paramiko.AUTH_SUCCESSFUL if username == "ops" and key == known else paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if (username, password) == ("ops", "open sesame") else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "publickey,password"

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self.server.execute, args=(channel, command.decode()), daemon=True).start()
        return True


class Server:
    """`cut`: the connection is ended as soon as the program has said something."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.commands, self.transports, self.cut = [], [], False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):
            while True:
                transport = paramiko.Transport(self.listening.accept()[0])
                transport.add_server_key(host_key())
                self.transports.append(transport)
                with suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=Sshd(self), event=threading.Event())

    def execute(self, channel, command):
        self.commands.append(command)
        done = subprocess.run(
            ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/"
        )
        with suppress(OSError, paramiko.SSHException):
            channel.sendall(done.stdout)
            if self.cut:
                channel.get_transport().close()
                return
            channel.send_exit_status(done.returncode)
            channel.shutdown_write()
            channel.close()

    def close(self):
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self.listening.close()
        for transport in self.transports:
            transport.close()


@contextmanager
def sshd():
    server = Server()
    try:
        yield server
    finally:
        server.close()
