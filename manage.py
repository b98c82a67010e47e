#!/usr/bin/env python
import os
import sys
from pathlib import Path


def main() -> None:
    from dotenv import load_dotenv

    load_dotenv(Path(__file__).with_name(".env"))  # what the environment already says wins
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as fault:
        sys.exit(str(fault))  # a setting that is wrong is one sentence, not a traceback


if __name__ == "__main__":
    main()
