"""50 people ask at once and are answered word by word by a model that speaks the real protocol and takes its time, on the one process of
`manage.py up`; a signed-in browser asks for pages before and meanwhile. Then one person's answers, from the model's first word to the
event on the live socket that the page shows it by.
"""

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import websockets

from bench.installation import MANAGE, PYTHON, cpu_seconds, environment, serving
from bench.row import Row

CHATS, WORDS, PACE = 50, 60, 0.15  # answers of nine seconds
PAGES = ("/alerts/", "/incidents/", "/resources/", "/")
ASKED_PAGES, FIRST_WORDS, LIMIT = 60, 40, 50.0
GAP = 0.1  # seconds between two pages


def answers(pace: float, words: int) -> Any:
    """Each begins with when it was sent."""
    from genai.testing import Script

    def answer(body: dict[str, Any]) -> Any:
        return Script(f"T{time.time():.4f}. " + "word " * words, pace=pace)

    return answer


def prepare(env: dict[str, str], url: str) -> dict[str, Any]:
    """An empty installation with a model, people with tokens and one who is signed in."""
    subprocess.run([*MANAGE, "prepare"], env=env, stdout=subprocess.DEVNULL, check=True)
    command = [PYTHON, "-m", "bench.assistant_people", url, str(CHATS)]
    found: dict[str, Any] = json.loads(subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])
    return found


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


async def pages(base: str, session: str, times: int, until: "asyncio.Future[Any] | None" = None) -> list[float]:
    """Milliseconds of each, one after the other; while `until` goes on, where that is given."""
    taken: list[float] = []
    async with httpx.AsyncClient(base_url=base, cookies={"sessionid": session}, timeout=60) as browser:
        while len(taken) < times and (until is None or not until.done()):
            begun = time.perf_counter()
            answer = await browser.get(PAGES[len(taken) % len(PAGES)])
            taken.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, (answer.status_code, answer.headers.get("location"))
            await asyncio.sleep(GAP)
    return taken


async def chat(base: str, token: str) -> float:
    """Milliseconds from the model's first word to here."""
    first = 0.0
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=base, headers=headers, timeout=120) as client,
        client.stream("POST", "/api/v1/genai/chat", json={"question": "How is it?", "stream": True}) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        kind = ""
        async for line in answer.aiter_lines():
            kind = line[7:] if line.startswith("event: ") else kind
            if kind == "text" and line.startswith("data: ") and not first:
                first = (time.time() - sent(json.loads(line[6:])["text"])) * 1000
            if kind == "answer" and line.startswith("data: "):
                assert json.loads(line[6:])["state"] == "done", line
    return first


def sent(text: str) -> float:
    return float(text.split(" ")[0].removeprefix("T").rstrip("."))


async def many(base: str, found: dict[str, Any], chats: int, times: int) -> tuple[list[float], list[float], list[float]]:
    await pages(base, found["session"], 8)
    await chat(base, found["tokens"][0])
    before = await pages(base, found["session"], times)
    asking = asyncio.gather(*(chat(base, token) for token in found["tokens"][:chats]))
    during = await pages(base, found["session"], 10_000, asking)
    return before, during, await asking


async def first_words(base: str, found: dict[str, Any], times: int) -> list[float]:
    """On the live socket, as the page hears it."""
    headers, taken = {"Authorization": f"Bearer {found['tokens'][0]}"}, []
    url = f"{base.replace('http', 'ws')}/ws/metrics"
    async with (
        websockets.connect(url, additional_headers=headers, compression=None) as socket,
        httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as client,
    ):
        await socket.send(json.dumps({"op": "subscribe", "topics": [f"copilot:{found['people'][0]}"]}))
        for _ in range(times):
            answer = await client.post("/api/v1/genai/chat", json={"question": "How is it?", "wait": False})
            assert answer.status_code == 202, answer.text
            taken.append(await _first_word(socket))
    return taken


async def _first_word(socket: Any) -> float:
    first = 0.0
    while True:
        event = json.loads(await asyncio.wait_for(socket.recv(), 60)).get("data", {})
        if event.get("kind") == "text" and not first:
            first = (time.time() - sent(event["text"])) * 1000
        if event.get("kind") == "state" and event["state"] != "answering":
            return first


def run(scale: float) -> list[Row]:
    from genai.testing import ModelStub

    chats, times = max(5, round(CHATS * scale)), max(20, round(ASKED_PAGES * scale))
    stub = ModelStub().answer_with(answers(PACE, WORDS))
    try:
        with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
            env = environment(Path(data))
            found = prepare(env, stub.url)
            with serving([*MANAGE, "up"], env) as server:
                return _measured(f"http://127.0.0.1:{env['PORT']}", found, stub, server, chats, times)
    finally:
        stub.close()


def _measured(base: str, found: dict[str, Any], stub: Any, server: "subprocess.Popen[str]", chats: int, times: int) -> list[Row]:
    spent = cpu_seconds(server)
    before, during, firsts = asyncio.run(many(base, found, chats, times))
    spent = cpu_seconds(server) - spent
    stub.answer_with(answers(0.0, 5))
    one = asyncio.run(first_words(base, found, FIRST_WORDS))
    note = f"{chats} answers of {WORDS} words, {len(during)} pages meanwhile, median {statistics.median(during):.0f}"
    return [
        Row("pages before", "embedded", p95(before), "ms", None, f"p95 of {len(before)}, median {statistics.median(before):.0f}"),
        Row(f"pages while {chats} chats are answered", "embedded", p95(during), "ms", None, f"p95; {note}"),
        Row(
            "first word, model to event stream",
            "embedded",
            p95(firsts),
            "ms",
            None,
            f"p95 of {chats} at once, median {statistics.median(firsts):.0f}",
        ),
        Row(
            "first word, model to the page's socket",
            "embedded",
            p95(one),
            "ms",
            LIMIT,
            f"p95 of {len(one)}, median {statistics.median(one):.0f}",
        ),
        Row("CPU of the server per chat", "embedded", spent / chats, "CPU-s", None, f"pages included; {WORDS} words streamed"),
    ]
