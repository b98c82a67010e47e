from concurrent.futures import ThreadPoolExecutor

from aiops.secret_key import read_or_create


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    path = tmp_path / "new" / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(read_or_create, [path] * 32))
    assert len(keys) == 1
    assert len(keys.pop()) > 60
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret_key"]
