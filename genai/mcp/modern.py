"""Revision 2026-07-28: there is no handshake. Each request says in its `_meta` which revision it speaks, and its headers repeat what
proxies want to know; where the two differ it is refused."""

import base64
from collections.abc import Mapping
from typing import Any

from genai.mcp.protocol import INVALID_PARAMS, INVALID_REQUEST, VERSIONS, Json, Message, RpcError

REVISION = "2026-07-28"
VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"
VERSION_KEY, CAPABILITIES_KEY = "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"
MISMATCH, UNSUPPORTED = -32020, -32022
CACHED = ("server/discover", "tools/list")  # their answers say how long they hold: not at all, and for nobody else
Headers = Mapping[str, str]


def speaks(message: Message, headers: Headers) -> bool:
    """Whether it is of this revision or of a newer one; what only begins a handshake is not, whatever its headers say."""
    said = headers.get(VERSION_HEADER)
    return VERSION_KEY in _meta(message) or (said is not None and said not in VERSIONS and message.method != "initialize")


def check(message: Message, headers: Headers) -> None:
    """Raises RpcError with status 400."""
    meta, said = _meta(message), headers.get(VERSION_HEADER)
    if VERSION_KEY not in meta and said != REVISION:
        raise unsupported(str(said))
    if missing := [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]:
        raise RpcError(INVALID_PARAMS, f"params._meta is missing {', '.join(missing)}.", 400)
    wanted = {VERSION_HEADER: meta[VERSION_KEY], METHOD_HEADER: message.method}
    if message.method == "tools/call":
        wanted[NAME_HEADER] = message.params.get("name")
    for name, value in wanted.items():
        if value is not None and _plain(headers.get(name)) != value:
            raise RpcError(MISMATCH, f"The header {name} does not match the request's body.", 400)
    if meta[VERSION_KEY] != REVISION:
        raise unsupported(str(meta[VERSION_KEY]))
    if message.id is None:
        raise RpcError(INVALID_REQUEST, f"Revision {REVISION} has no notifications from clients.", 400)


def unsupported(asked: str) -> RpcError:
    known = [REVISION, *VERSIONS]
    sentence = f"Revision {asked[:20]!r} of the protocol is not spoken here; there are {', '.join(known)}."
    return RpcError(UNSUPPORTED, sentence, 400, {"supported": known, "requested": asked[:40]})


def completed(method: str, result: Json) -> Json:
    """With what this revision asks of every result."""
    told = {**result, "resultType": "complete"}
    return {**told, "ttlMs": 0, "cacheScope": "private"} if method in CACHED else told


def _meta(message: Message) -> Mapping[str, Any]:
    meta = message.params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _plain(value: str | None) -> str | None:
    """What is not ASCII comes as =?base64?…?=."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except ValueError:
        return None
