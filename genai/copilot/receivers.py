"""What this room registers when the process starts: its live topic, what is done with answers under way when the process ends, and
the palette's last entry."""

from aiops import processes
from genai.copilot import events as _events  # noqa: F401  # its topic
from genai.copilot import keeping, palette_entry
from monitoring.dashboards import palette

processes.before_the_end(keeping.close)
palette.close_with(palette_entry.entry)
