"""The text of a PDF, read in a child process: a file can be made to take all memory or time, and it is only the child's."""

import json
import os
import subprocess
import sys
from pathlib import Path

MOST_PAGES = 500
MEMORY = 1 << 30  # bytes
SECONDS = 120
ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = 200_000  # characters that are kept of one


class Unreadable(ValueError):
    """One sentence for people."""


def pages(data: bytes) -> list[str]:
    """The text of each page. Raises Unreadable."""
    command = [sys.executable, "-m", "genai.rag.pdf"]
    surroundings = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV") if name in os.environ}
    try:
        child = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, cwd=ROOT, env=surroundings, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Unreadable(f"It could not be read within {SECONDS} s.") from None
    if child.returncode:
        raise Unreadable("It could not be read: it is broken, or takes too much memory.")
    told = json.loads(child.stdout)
    if "error" in told:
        raise Unreadable(told["error"])
    return [str(page).replace("\0", "") for page in told["pages"]]


# -- in the child ----------------------------------------------------------------------------------------------------------
def read(data: bytes) -> list[str]:
    """Raises Unreadable."""
    import io

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        file = PdfReader(io.BytesIO(data))
        if file.is_encrypted and not file.decrypt(""):
            raise Unreadable("It is encrypted: upload it without a password.")
        if len(file.pages) > MOST_PAGES:
            raise Unreadable(f"It has {len(file.pages)} pages; at most {MOST_PAGES} are read.")
        found = [(page.extract_text() or "")[:PAGE] for page in file.pages]
    except Unreadable:
        raise
    except (PyPdfError, ImportError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as fault:
        if "cryptography" in str(fault) or "encrypt" in str(fault).lower():
            raise Unreadable("It is encrypted: upload it without a password.") from fault
        raise Unreadable("It is broken: its pages cannot be read.") from fault
    if not any(page.strip() for page in found):
        raise Unreadable("It has pages but no text: it may be scanned images, which are not read.")
    return found


def main() -> None:
    import logging
    import resource

    logging.disable(logging.CRITICAL)  # what the library has to say about a file is of no use to anybody
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        told: dict[str, object] = {"pages": read(sys.stdin.buffer.read())}
    except Unreadable as fault:
        told = {"error": str(fault)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
