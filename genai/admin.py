"""What stands in Django admin of this app."""

from genai import prompt_admin as _prompts  # noqa: F401
