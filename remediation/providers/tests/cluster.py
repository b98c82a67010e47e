"""An API server of Kubernetes as far as our actions go: it keeps objects, checks tokens and versions, rehearses; it rolls out when told."""

import copy
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "let-me-in-0123456789"
PLACES = [  # (path, kind)
    (re.compile(r"/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)$"), "deployment"),
    (re.compile(r"/apis/apps/v1/namespaces/([^/]+)/statefulsets/([^/]+)$"), "statefulset"),
    (re.compile(r"/apis/apps/v1/namespaces/([^/]+)/daemonsets/([^/]+)$"), "daemonset"),
    (re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)$"), "pod"),
    (re.compile(r"/api/v1/nodes/()([^/]+)$"), "node"),
]
GROUP = {"deployment": "apps/v1", "statefulset": "apps/v1", "daemonset": "apps/v1", "pod": "v1", "node": "v1"}
KIND = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "pod": "Pod", "node": "Node"}


class Cluster(ThreadingHTTPServer):
    """`fails`: (status, message, headers) given instead of the next answers to requests that change; `forbidden`: verbs that are."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects, self.asked, self.fails, self.forbidden = {}, [], [], set()
        self.before_patch = None  # somebody else, quicker

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def changes(self):
        return [one for one in self.asked if one["method"] != "GET" and not one["rehearsed"]]

    def add(self, kind, name, spec, status=None, namespace="shop", **meta):
        meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "generation": 1, **meta}
        if namespace and kind != "node":
            meta["namespace"] = namespace
        made = {"apiVersion": GROUP[kind], "kind": KIND[kind], "metadata": meta, "spec": spec, "status": status or {}}
        self.objects[kind, namespace if kind != "node" else "", name] = made
        return made

    def workload(self, kind="deployment", name="api", replicas=3, **spec):
        """One whose pods are all there."""
        labels = {"matchLabels": {"app": name}}
        containers = [{"name": "main", "image": "img:1"}]
        body = {
            "replicas": replicas,
            "selector": labels,
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}},
        }
        if kind == "statefulset":
            body["serviceName"] = name
        if kind == "daemonset":
            body.pop("replicas")
        made = self.add(kind, name, {**body, **spec})
        self.roll(made, replicas)
        return made

    def roll(self, made, pods=None, ready=None):
        """The controller has done its work: all of it, or as many as are ready."""
        wanted = made["spec"].get("replicas", pods if pods is not None else 3)
        ready = wanted if ready is None else ready
        made["status"] = {"observedGeneration": made["metadata"]["generation"]}
        if made["kind"] == "DaemonSet":
            made["status"] |= {
                "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted, "updatedNumberScheduled": ready,
                "numberAvailable": ready, "numberReady": ready, "numberMisscheduled": 0,
            }  # fmt: skip
        else:
            made["status"] |= {"replicas": wanted, "updatedReplicas": ready, "readyReplicas": ready, "availableReplicas": ready}

    def change(self, made, patch):
        before = json.dumps(made["spec"], sort_keys=True)
        merge(made, patch)
        made["metadata"]["resourceVersion"] = str(int(made["metadata"]["resourceVersion"]) + 1)
        if json.dumps(made["spec"], sort_keys=True) != before:
            made["metadata"]["generation"] += 1


def merge(into, patch):
    """JSON merge patch (RFC 7396)."""
    for name, value in patch.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict):
            merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        parts = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        rehearsed = parse_qs(parts.query).get("dryRun") == ["All"]
        self.server.asked.append(
            {"method": self.command, "path": parts.path, "body": body, "rehearsed": rehearsed, "headers": self.headers}
        )
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.status(401, "Unauthorized")
        if self.command in self.server.forbidden:
            return self.status(403, f'User "aiops" cannot {self.command.lower()} this')
        if parts.path == "/version/":
            return self.answer(200, version())
        if parts.path.endswith("/selfsubjectaccessreviews"):
            return self.answer(201, {**body, "status": {"allowed": body["spec"]["resourceAttributes"]["resource"] != "nodes"}})
        if self.command != "GET" and self.server.fails:
            return self.status(*self.server.fails.pop(0))
        return self.on_object(parts.path, body, rehearsed)

    do_GET = do_PATCH = do_DELETE = do_POST = handle_any  # noqa: N815

    def on_object(self, path, body, rehearsed):
        for place, kind in PLACES:
            if found := place.match(path):
                key = (kind, found[1], found[2])
                break
        else:
            return self.status(404, "the server could not find the requested resource")
        made = self.server.objects.get(key)
        if made is None:
            return self.status(404, f'{kind}s "{key[2]}" not found')
        return {"GET": self.get, "PATCH": self.patch, "DELETE": self.delete}[self.command](key, made, body, rehearsed)

    def get(self, key, made, body, rehearsed):
        self.answer(200, made)

    def patch(self, key, made, body, rehearsed):
        if self.headers["Content-Type"] != "application/merge-patch+json":
            return self.status(415, "the body of the request was in an unknown format")
        if self.server.before_patch:
            somebody, self.server.before_patch = self.server.before_patch, None
            somebody(made)
        version = body["metadata"].pop("resourceVersion", None)
        if version not in (None, made["metadata"]["resourceVersion"]):
            return self.status(409, "the object has been modified; please apply your changes to the latest version and try again")
        if rehearsed:
            made = copy.deepcopy(made)
        self.server.change(made, body)
        return self.answer(200, made)

    def delete(self, key, made, body, rehearsed):
        meant = (body.get("preconditions") or {}).get("uid")
        if meant not in (None, made["metadata"]["uid"]):
            return self.status(409, f"Precondition failed: UID in precondition: {meant}, UID in object meta: {made['metadata']['uid']}")
        if not rehearsed:
            made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return self.answer(200, made)

    def status(self, code, message, headers=None):
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code}
        self.answer(code, body, headers)

    def answer(self, code, body, headers=None):
        if code is None:  # the line is cut before it answers
            self.close_connection = True
            self.connection.shutdown(2)
            return
        text = json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


def version():
    names = ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
    return {"major": "1", "minor": "20", "gitVersion": "v1.20.2", **dict.fromkeys(names, "x")}


@contextmanager
def cluster():
    server = Cluster()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
