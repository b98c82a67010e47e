"""What this room registers when the process starts: its live topic, and what is done with answers under way when the process ends."""

from aiops import processes
from genai.copilot import events as _events  # noqa: F401  # its topic
from genai.copilot import keeping

processes.before_the_end(keeping.close)
