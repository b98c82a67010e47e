from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from aiops.secret_key import read_or_create


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    path = tmp_path / "new" / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(read_or_create, [path] * 32))
    assert len(keys) == 1
    assert len(keys.pop()) > 60
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret_key"]


def test_an_empty_key_is_one_sentence(tmp_path):
    (tmp_path / "secret_key").touch()
    with pytest.raises(ImproperlyConfigured, match=r"secret_key is empty; put the key back, or remove the file"):
        read_or_create(tmp_path / "secret_key")


def test_a_directory_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"The data directory .*/file/data cannot be used .*; set AIOPS_DATA_DIR to one"):
        read_or_create(tmp_path / "file" / "data" / "secret_key")
