"""Kill -9 during write, seal and merge: no acknowledged sample is lost or doubled. On the database of this run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from monitoring.store.tests.crash import POINTS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("store-kill")]


@pytest.fixture(scope="module")
def database_url(django_db_setup: None) -> Iterator[str]:
    """A database that really commits, beside the one of the tests."""
    if connection.vendor == "sqlite":
        yield ""
        return
    import psycopg

    given = connection.settings_dict
    name = f"{given['NAME']}_kill"
    server = f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT'] or 5432}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}"')
        yield f"{server}/{name}"
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def stories(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    own = {"DATABASE_URL": database_url, "REDIS_URL": "", "AIOPS_DATA_DIR": str(tmp_path_factory.mktemp("kill"))}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "aiops.settings", **own}
    command = [sys.executable, "-m", "monitoring.store.tests.crash"]
    answer = subprocess.run(command, cwd=Path(settings.BASE_DIR), env=environment, stdout=subprocess.PIPE, check=True, timeout=280)
    return json.loads(answer.stdout)


def test_no_acknowledged_write_is_lost_or_doubled(stories: list[dict[str, Any]]) -> None:
    killed = [story for story in stories if story["job"] == "write"]
    assert [story["acknowledged"] >= least for story, least in zip(killed, (1, 40), strict=True)] == [True, True]
    for story in killed:
        assert story["missing"] == []
        assert story["killed"]["records"] == story["killed"]["read"]
        assert story["killed"]["wrong"] == 0


@pytest.mark.parametrize("job", ["seal", "merge"])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_job_loses_and_doubles_nothing_and_is_taken_up_again(job: str, point: str, stories: list[dict[str, Any]]) -> None:
    [story] = [story for story in stories if (story["job"], story.get("point")) == (job, point)]
    assert story["signal"] == 9, "the failpoint was not reached"
    for state in (story["killed"], story["finished"]):
        assert (state["records"], state["read"]) == (story["expected"], story["expected"])
        assert (state["wrong"], state["tally_off"]) == (0, 0)
    assert story["killed"]["hot"] + story["killed"]["windows"] > 0
    assert (story["finished"]["hot"], story["finished"]["windows"], story["finished"]["rollups"]) == (0, 0, 40)
