"""JSON-RPC 2.0 as the Model Context Protocol uses it: messages in, answers out. Pure."""

from dataclasses import dataclass, field
from typing import Any

import orjson

Json = dict[str, Any]
PARSE_ERROR, INVALID_REQUEST, NO_SUCH_METHOD, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
MOST_AT_ONCE = 10  # messages of a batch: revision 2025-03-26 has batches, later ones have none
# Revisions that begin with `initialize`, the newest first; the one that does not is in modern.py.
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
WITH_BATCHES = "2025-03-26"
UNSAID = "2025-03-26"  # what a request without the header speaks


class RpcError(Exception):
    """Answered as the error of one call; `status` where the whole request is refused."""

    def __init__(self, code: int, message: str, status: int = 200, data: Json | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data
        self.number: str | int | None = None  # of the call, where it is known


@dataclass(frozen=True)
class Message:
    """`id` None: a notification, or an answer to something we never asked; neither is answered."""

    method: str
    id: str | int | None = None
    params: Json = field(default_factory=dict)


def read(body: bytes, version: str) -> tuple[list[Message], bool]:
    """The messages of a request's body, and whether they came as a batch. Raises RpcError."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RpcError(PARSE_ERROR, "The body is not JSON.", 400) from None
    if not isinstance(sent, list):
        return [_message(sent)], False
    if version != WITH_BATCHES:
        raise RpcError(INVALID_REQUEST, f"Revision {version} has no batches; send one message.", 400)
    if not 0 < len(sent) <= MOST_AT_ONCE:
        raise RpcError(INVALID_REQUEST, f"A batch has from 1 to {MOST_AT_ONCE} messages.", 400)
    return [_message(one) for one in sent], True


def _message(sent: Any) -> Message:
    if not isinstance(sent, dict) or sent.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'A message is an object with "jsonrpc": "2.0".', 400)
    if "method" not in sent and ("result" in sent or "error" in sent):
        return Message("")
    method, number, params = sent.get("method"), sent.get("id"), sent.get("params")
    if not isinstance(method, str) or not method:
        raise RpcError(INVALID_REQUEST, "A message names its method.", 400)
    if "id" in sent and (not isinstance(number, str | int) or isinstance(number, bool)):
        raise RpcError(INVALID_REQUEST, "An id is a text or a whole number.", 400)
    if not isinstance(params, dict | None):
        raise RpcError(INVALID_PARAMS, "params is an object.", 400)
    return Message(method, number, params or {})


def answered(message: Message, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": message.id, "result": result}


def failed(number: str | int | None, fault: RpcError) -> Json:
    error = {"code": fault.code, "message": fault.message, **({} if fault.data is None else {"data": fault.data})}
    return {"jsonrpc": "2.0", "id": number, "error": error}
