import os
import subprocess
import sys

import pytest

from aiops import lock

pytestmark = pytest.mark.once

HOLD = (
    "import sys, pathlib; from aiops import lock; held = lock.take(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def test_a_second_process_is_told_who_holds_the_directory(tmp_path):
    held = lock.take(tmp_path)
    with pytest.raises(lock.Taken, match=rf"process {os.getpid()}\) already runs on {tmp_path}; stop it, or set AIOPS_DATA_DIR"):
        lock.take(tmp_path)
    held.close()


def test_the_lock_ends_with_its_holder(tmp_path):
    lock.take(tmp_path).close()
    lock.take(tmp_path).close()


def test_a_killed_holder_leaves_no_lock(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(lock.Taken, match=f"process {holder.pid}"):
        lock.take(tmp_path)
    holder.kill()
    holder.communicate()
    lock.take(tmp_path).close()


def test_the_directory_is_made_where_it_is_missing(tmp_path):
    lock.take(tmp_path / "new" / "place").close()
    assert (tmp_path / "new" / "place" / "lock").is_file()
