"""Oracle Cloud's compute API as far as our actions go. It checks every signature, and acts once for each retry token."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TENANCY, USER = "ocid1.tenancy.oc1..aaaa", "ocid1.user.oc1..bbbb"
INSTANCE = "ocid1.instance.oc1.iad.cccc"
AFTER = {"START": "STARTING", "STOP": "STOPPING", "SOFTSTOP": "STOPPING", "RESET": "RUNNING", "SOFTRESET": "RUNNING"}
NEEDS = {"START": "STOPPED", "STOP": "RUNNING", "SOFTSTOP": "RUNNING", "RESET": "RUNNING", "SOFTRESET": "RUNNING"}


@cache
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(made=None):
    form = serialization.PrivateFormat.PKCS8
    return (made or key()).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@cache
def fingerprint():
    der = key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    found = hashlib.md5(der).hexdigest()
    return ":".join(found[at : at + 2] for at in range(0, 32, 2))


class Cloud(ThreadingHTTPServer):
    """`fails`: (status, code, headers) given instead of the next answers; `lost`: the next action is done and its answer is not sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.instances = {INSTANCE: "RUNNING"}
        self.acted, self.tokens, self.asked, self.fails, self.lost = [], {}, [], [], False

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        self.server.asked.append((self.command, self.path))
        if not self.signed(body):
            return self.fault(401, "NotAuthenticated", "The required information to complete authentication was not provided.")
        if self.server.fails:
            status, code, headers = self.server.fails.pop(0)
            return self.fault(status, code, "scripted", headers)
        if parts.path == "/20160918/instances":
            return self.answer(200, [shown(ocid, state) for ocid, state in self.server.instances.items()])
        found = re.fullmatch(r"/20160918/instances/([^/]+)", parts.path)
        if not found or found[1] not in self.server.instances:
            return self.fault(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
        if self.command == "GET":
            return self.answer(200, shown(found[1], self.server.instances[found[1]]))
        return self.act(found[1], parse_qs(parts.query)["action"][0])

    do_GET = do_POST = handle_any  # noqa: N815

    def act(self, ocid, action):
        token = self.headers["opc-retry-token"]
        if token not in self.server.tokens:
            if self.server.instances[ocid] != NEEDS[action]:
                return self.fault(409, "IncorrectState", f"instance is {self.server.instances[ocid]}")
            self.server.instances[ocid] = AFTER[action]
            self.server.acted.append(action)
            self.server.tokens[token] = shown(ocid, AFTER[action])
        if self.server.lost:
            self.server.lost, self.close_connection = False, True
            return self.connection.shutdown(2)
        return self.answer(200, self.server.tokens[token])

    def signed(self, body):
        """draft-cavage-http-signatures, as Oracle Cloud wants it."""
        given = dict(re.findall(r'(\w+)="([^"]*)"', self.headers.get("Authorization", "")))
        names = given.get("headers", "").split()
        if given.get("keyId") != f"{TENANCY}/{USER}/{fingerprint()}" or not {"date", "(request-target)", "host"} <= set(names):
            return False
        if self.command == "POST":
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if not {"content-length", "content-type", "x-content-sha256"} <= set(names) or self.headers["x-content-sha256"] != digest:
                return False
        target = f"{self.command.lower()} {self.path}"
        text = "\n".join(f"{name}: {target if name == '(request-target)' else self.headers[name]}" for name in names)
        try:
            key().public_key().verify(base64.b64decode(given["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def fault(self, status, code, message, headers=None):
        self.answer(status, {"code": code, "message": message}, headers)

    def answer(self, status, body, headers=None):
        text = json.dumps(body).encode()
        self.send_response(status)
        common = {"Content-Type": "application/json", "Content-Length": str(len(text)), "opc-request-id": "r1"}
        for name, value in {**common, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


def shown(ocid, state):
    return {
        "id": ocid, "displayName": "web-1", "lifecycleState": state, "compartmentId": TENANCY, "shape": "VM.Standard.E4.Flex",
        "availabilityDomain": "AD-1", "region": "iad", "timeCreated": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip


@contextmanager
def cloud():
    server = Cloud()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
