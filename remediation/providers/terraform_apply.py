"""The supervisor's work for Terraform: the same process becomes the program, with an environment that came by standard input."""

import os
from collections.abc import Mapping
from typing import Any, NoReturn


def main(job: Mapping[str, Any], secrets: Mapping[str, Any]) -> NoReturn:
    os.execve(job["argv"][0], list(job["argv"]), {str(name): str(value) for name, value in secrets.items()})  # noqa: S606 – no shell
