"""For tests and benches: a server that speaks the model systems' protocols as they do, and breaks them in the ways they break.

It is a real HTTP server on a port of its own; nothing of the product knows of it. What it answers is scripted, one answer per request;
without a script it says "All is well.".
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

MODEL = "stub-1"
FAULTS = ("cut", "stall", "unfinished", "empty", "garbage", "endless")


@dataclass
class Script:
    """One answer. `fault`: cut (the connection breaks after the text), stall (nothing more comes after it), unfinished (the stream ends
    without an end), empty (no choices), garbage (not the protocol), endless. `tools`: (name, arguments as JSON text or an object)."""

    text: str = ""
    tools: Sequence[tuple[str, Any]] = ()
    status: int = 200
    error: str = ""
    retry_after: str = ""
    fault: str = ""
    finish: str = ""
    delay: float = 0.0  # seconds before the first word
    pace: float = 0.0  # … between two
    usage: tuple[int, int] | None = (100, 20)
    pieces: Sequence[str] | None = None

    def words(self) -> list[str]:
        if self.pieces is not None:
            return list(self.pieces)
        parts = self.text.split(" ")
        return [part + (" " if place < len(parts) - 1 else "") for place, part in enumerate(parts)] if self.text else []


Answering = Callable[[dict[str, Any]], Script]


class ModelStub:
    """`requests`: what was asked: {"path", "headers", "body"}. `sent`: when its latest answer's first word went out (monotonic)."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.models = [MODEL]
        self.sent = 0.0
        self.gone = threading.Event()  # stalls end with the test
        self._scripts: deque[Script] = deque()
        self._always: Answering = lambda body: Script("All is well.")
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="model stub").start()

    # -- what it is to answer --------------------------------------------------------------------------------------------
    def script(self, *answers: Script) -> "ModelStub":
        self._scripts.extend(answers)
        return self

    def say(self, text: str, **more: Any) -> "ModelStub":
        return self.script(Script(text, **more))

    def call_tool(self, name: str, arguments: Any = None, **more: Any) -> "ModelStub":
        return self.script(Script(tools=[(name, {} if arguments is None else arguments)], **more))

    def fail(self, status: int, error: str = "as it was told", times: int = 1, retry_after: str = "") -> "ModelStub":
        return self.script(*[Script(status=status, error=error, retry_after=retry_after)] * times)

    def answer_with(self, function: Answering) -> "ModelStub":
        """Where no script is left, this is asked with the body of each request."""
        self._always = function
        return self

    def next(self, body: dict[str, Any]) -> Script:
        return self._scripts.popleft() if self._scripts else self._always(body)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """Bodies of the questions."""
        return [one["body"] for one in self.requests if one["body"]]

    def told(self, place: int = -1) -> str:
        """All that one question told the model, as text."""
        return json.dumps(self.asked[place], ensure_ascii=False)

    def close(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    stub: ModelStub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: Any) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        self.request.setsockopt(6, 1, 1)  # TCP_NODELAY: every word leaves at once

    def do_GET(self) -> None:
        stub = self.server.stub
        stub.requests.append({"path": self.path, "headers": dict(self.headers), "body": None})
        if self.path.endswith("/models"):
            self._json(
                200, {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in stub.models]}
            )
        elif self.path == "/api/tags":
            self._json(200, {"models": [{"name": name if ":" in name else f"{name}:latest"} for name in stub.models]})
        elif self.path == "/api/version":
            self._json(200, {"version": "0.9.0"})
        else:
            self._json(404, {"error": {"message": "no such address"}})

    def do_POST(self) -> None:
        stub = self.server.stub
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        stub.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
        script = stub.next(body)
        if script.status != 200:
            error: Any = {"error": {"message": script.error, "type": "error", "code": None}}
            self._json(script.status, {"error": script.error} if self.path.startswith("/api/chat") else error, script.retry_after)
        elif body.get("model") not in stub.models:
            self._json(404, {"error": {"message": f"The model `{body.get('model')}` does not exist", "code": "model_not_found"}})
        elif script.fault == "garbage":
            self._plain(b"<html>a proxy's page</html>")
        else:
            self._stream(script, _Ollama() if self.path.startswith("/api/chat") else _Chat("/openai/" in self.path))

    # -- answers ---------------------------------------------------------------------------------------------------------
    def _json(self, status: int, told: Any, retry_after: str = "") -> None:
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(text)

    def _plain(self, text: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, script: Script, wire: "_Chat | _Ollama") -> None:
        self.send_response(200)
        self.send_header("Content-Type", wire.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._parts(script, wire)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _parts(self, script: Script, wire: "_Chat | _Ollama") -> None:
        self.server.stub.gone.wait(script.delay)
        for number, word in enumerate(script.words()):
            if number:
                self.server.stub.gone.wait(script.pace)
            else:
                self.server.stub.sent = time.monotonic()
            self._part(wire.text(word))
        while script.fault == "endless":
            self._part(wire.text("more " * 2000))
        if script.fault == "cut":
            self._break()
            return
        if script.fault == "stall":
            self.server.stub.gone.wait(60)
            self.close_connection = True
            return
        if script.fault == "empty":
            self._part(wire.empty())
        elif script.fault != "unfinished":
            for part in wire.end(script):
                self._part(part)
        self.wfile.write(b"0\r\n\r\n")

    def _part(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _break(self) -> None:
        """In the middle of a chunk: the peer sees a protocol that was not ended."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)


class _Chat:
    """OpenAI's chunks; Groq says what it took under x_groq, in the last of them."""

    content_type = "text/event-stream"

    def __init__(self, groq: bool) -> None:
        self.groq, self.begun = groq, False

    def _chunk(self, choices: list[Any], **more: Any) -> bytes:
        told = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices, **more}
        return b"data: " + json.dumps(told).encode() + b"\n\n"

    def _choice(self, delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
        role = {} if self.begun else {"role": "assistant"}
        self.begun = True
        return self._chunk([{"index": 0, "delta": {**role, **delta}, "finish_reason": finish}], **more)

    def text(self, word: str) -> bytes:
        return self._choice({"content": word})

    def empty(self) -> bytes:
        return self._chunk([]) + b"data: [DONE]\n\n"

    def end(self, script: Script) -> Iterator[bytes]:
        for index, (name, arguments) in enumerate(script.tools):
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            first = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
            yield self._choice({"tool_calls": [first]})
            for part in (text[: len(text) // 2], text[len(text) // 2 :]):
                yield self._choice({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        took = script.usage and {
            "prompt_tokens": script.usage[0], "completion_tokens": script.usage[1], "total_tokens": sum(script.usage)
        }  # fmt: skip
        finish = script.finish or ("tool_calls" if script.tools else "stop")
        yield self._choice({}, finish, **({"x_groq": {"id": "req_1", "usage": took}} if self.groq and took else {}))
        if took and not self.groq:
            yield self._chunk([], usage=took)
        yield b"data: [DONE]\n\n"


class _Ollama:
    content_type = "application/x-ndjson"

    def _line(self, **told: Any) -> bytes:
        return json.dumps({"model": MODEL, "created_at": "2026-01-01T00:00:00Z", **told}).encode() + b"\n"

    def text(self, word: str) -> bytes:
        return self._line(message={"role": "assistant", "content": word}, done=False)

    def empty(self) -> bytes:
        return self._line(done=True, done_reason="stop")

    def end(self, script: Script) -> Iterator[bytes]:
        if script.tools:
            calls = [{"function": {"name": name, "arguments": arguments}} for name, arguments in script.tools]
            yield self._line(message={"role": "assistant", "content": "", "tool_calls": calls}, done=False)
        read, written = script.usage or (0, 0)
        yield self._line(
            message={"role": "assistant", "content": ""}, done=True, done_reason=script.finish or "stop", prompt_eval_count=read,
            eval_count=written, total_duration=1,
        )  # fmt: skip


# -- rows ------------------------------------------------------------------------------------------------------------------
def configured(stub: ModelStub, kind: str = "openai_compatible", **more: Any) -> Any:
    """A ModelProvider row that leads to the stub. `config` is added to what the kind needs; other names are columns."""
    from genai import chain
    from genai.models import ModelProvider

    url = f"{stub.url}/v1" if kind == "openai_compatible" else stub.url
    config = {"url": url, **more.pop("config", {})}
    columns = {"name": kind, "kind": kind, "model": MODEL, "secrets": {} if kind == "ollama" else {"api_key": "stub-key-1f9"}, **more}
    row = ModelProvider.objects.create(config=config, **columns)
    chain.forget()
    return row


@pytest.fixture
def model_stub() -> Iterator[ModelStub]:
    from genai import chain, stored_secrets

    chain.forget()
    stored_secrets.forget()
    stub = ModelStub()
    yield stub
    stub.close()
    chain.forget()
    stored_secrets.forget()
