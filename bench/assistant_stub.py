"""A model server in a process of its own, so that its CPU is not ours. Says its address, answers until its input ends."""

import sys
import time
from typing import Any

from genai.testing import ModelStub, Script

WORDS = 60


def answer(body: dict[str, Any]) -> Script:
    """Begins with when it was sent."""
    return Script(f"T{time.time():.4f} " + "word " * WORDS, usage=(1600, WORDS))


def main() -> None:
    stub = ModelStub()
    stub.answer_with(answer)
    print(stub.url, flush=True)
    sys.stdin.read()
    stub.close()


if __name__ == "__main__":
    main()
