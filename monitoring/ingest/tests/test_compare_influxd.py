"""InfluxDB 1 beside our door: what it takes we take, and what it refuses we refuse in its words."""

import subprocess

import httpx
import pytest

from monitoring.ingest.tests.servers import await_answer, binary, free_port

CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:{second}"
[meta]
dir = "{data}/meta"
[data]
dir = "{data}/data"
wal-dir = "{data}/wal"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""
SAME = [
    "cpu,host=a usage=1.5",
    "cpu,host=a usage=1.5 {now}",
    "cpu,host=a count=1i,n=-3i",
    "cpu,host=a up=t,down=FALSE,open=True",
    'cpu,host=a s="a,b c=d\\"e",v=1',
    "cpu,host=a  v=1",
    "cpu\\ x,h\\,o=a\\ b,e=c\\=d v\\ w=1",
    "# comment\n\ncpu v=1",
    "",
    "cpu v=1,v=2",
    'cpu"y v=1',
    "cpu,host=a usage=",
    "cpu,host=a",
    "cpu",
    "cpu,host= x=1",
    "cpu,=a x=1",
    "cpu,host x=1",
    ",host=a x=1",
    "cpu =1",
    "cpu x=NaN",
    "cpu x=inf",
    "cpu x=1_0",
    "cpu x=1.2.3",
    "cpu x=abc",
    'cpu x="abc',
    "cpu x=1 abc",
    "cpu,host=a,host=b x=1",
    "cpu x=1,,y=2",
    "cpu y=1=2",
    "cpu usage",
    "cpu x=1e400",
]
MIXED = ["cpu,host=a x=1\ncpu,host=a usage=", "cpu x=1\nbad\ncpu x=2\nworse", "# c\ncpu x=NaN\ncpu x=1"]


@pytest.fixture(scope="module")
def influxd(tmp_path_factory):
    """Its write address."""
    data, port = tmp_path_factory.mktemp("influxd"), free_port()
    (data / "influxdb.conf").write_text(CONFIG.format(data=data, port=port, second=free_port()))
    command = [binary("influxd"), "run", "-config", str(data / "influxdb.conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_answer(f"http://127.0.0.1:{port}/ping", process)
        httpx.post(f"http://127.0.0.1:{port}/query", params={"q": "CREATE DATABASE d"})
        yield f"http://127.0.0.1:{port}/write?precision=s"
    finally:
        process.kill()
        process.wait()


def answers(influxd, send, body):
    """((status, error), …) of InfluxDB and of us."""
    theirs = httpx.post(f"{influxd}&db=d", content=body.encode())
    ours = send("influxdb/write?db=d&precision=s", body)
    return [(answer.status_code, answer.content.decode().strip()) for answer in (theirs, ours)]


@pytest.mark.parametrize("body", SAME)
def test_one_line_is_answered_alike(influxd, send, now, body):
    theirs, ours = answers(influxd, send, body.format(now=now))
    assert ours == theirs


@pytest.mark.parametrize("body", MIXED)
def test_a_mixed_batch_is_a_partial_write(influxd, send, now, body):
    """InfluxDB counts dropped points only for those that it could read; we count every line."""
    (their_status, theirs), (our_status, ours) = answers(influxd, send, body)
    assert our_status == their_status == 400
    assert ours.rpartition(" dropped=")[0] == theirs.rpartition(" dropped=")[0]
    assert ours.startswith('{"error":"partial write: ')


def test_a_missing_database_is_answered_alike(influxd, send):
    theirs = httpx.post(influxd, content=b"m v=1")
    ours = send("influxdb/write", "m v=1")
    assert (ours.status_code, ours.content.decode()) == (theirs.status_code, theirs.text.strip())
