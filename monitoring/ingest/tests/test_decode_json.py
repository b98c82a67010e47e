"""JSON: nested, flat, array, one a line, telegraf's; each object for itself; times of any unit."""

import json

import pytest

from monitoring.ingest.decoded import Memory
from monitoring.ingest.decoders import json_points
from monitoring.ingest.errors import Undecodable

pytestmark = pytest.mark.once

AT = 1_700_000_000_000


def decode(body, memory=None, most=100_000, read=json_points.decode):
    body = body.encode() if isinstance(body, str) else body
    return read(body, memory or Memory(), now=7, most=most)


def points(found):
    return [
        (found.keys[place].metric, dict(found.keys[place].labels), t, v)
        for place, t, v in zip(found.index.tolist(), found.t.tolist(), found.v.tolist(), strict=True)
    ]


HOST = {"host": "a", "instance": "a"}


@pytest.mark.parametrize(
    "body",
    [
        '{"host": "a", "ts": 1700000000, "metrics": {"cpu": 1.5, "mem": 2}}',
        '[{"host": "a", "ts": 1700000000, "metrics": {"cpu": 1.5, "mem": 2}}]',
        '[{"host":"a","ts":1700000000,"metric":"cpu","value":1.5},{"host":"a","ts":1700000000,"metric":"mem","value":2}]',
        '{"host":"a","ts":1700000000,"metric":"cpu","value":1.5}\n{"host":"a","ts":1700000000,"metrics":{"mem":2}}\n',
        '{"hostname":"a","timestamp":1700000000000,"metrics":{"cpu":1.5}}\r\n\n{"host":"a","time":"2023-11-14T22:13:20Z","name":"mem","value":2}',
    ],
)
def test_every_form_says_the_same(body):
    memory = Memory()
    for _ in range(2):
        found = decode(body, memory)
        memory.learn(found.fresh)
        assert points(found) == [("cpu", HOST, AT, 1.5), ("mem", HOST, AT, 2.0)]


def test_labels_and_names_become_those_prometheus_knows():
    [point] = points(decode('{"host":"a","labels":{"the-role":"app","empty":""},"metric":"disk.free","value":1}'))
    assert point == ("disk_free", HOST | {"the_role": "app"}, 7, 1.0)


@pytest.mark.parametrize(
    "ts", ["1700000000", "1700000000.0", "1700000000000", "1700000000000000", "1700000000000000000", '"2023-11-14T23:13:20+01:00"']
)
def test_the_unit_of_a_time_is_told_by_its_size(ts):
    assert decode(f'{{"metric":"m","value":1,"ts":{ts}}}').t.tolist() == [AT]


def test_units_may_differ_within_one_body():
    found = decode('[{"metric":"m","value":1,"ts":1700000000},{"metric":"m","value":2,"ts":1700000000001},{"metric":"m","value":3}]')
    assert found.t.tolist() == [AT, AT + 1, 7]


def test_texts_are_attributes_and_booleans_numbers():
    found = decode('{"host":"a","metrics":{"up":true,"degraded":false,"version":"1.2","load":3}}')
    assert [(metric, value) for metric, _, _, value in points(found)] == [("up", 1), ("degraded", 0), ("load", 3)]
    assert [(host.name, texts) for host, texts in found.attributes.items()] == [("a", {"version": "1.2"})]
    assert not found.refused


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("5", "type"),
        ("null", "type"),
        ('{"host":"b"}', "syntax"),
        ('{"host":5,"metric":"m","value":1}', "type"),
        ('{"metric":"m","value":1,"ts":"yesterday"}', "timestamp"),
        ('{"metric":"m","value":1,"ts":1e300}', "timestamp"),
        ('{"metric":"m","value":1,"ts":true}', "type"),
        ('{"metric":"m","value":null}', "type"),
        ('{"metric":"m","value":[1]}', "type"),
        ('{"metric":"m","value":1' + "0" * 400 + "}", "type"),
        ('{"metrics":{"m":1},"labels":{"a-b":"1","a.b":"2"}}', "labels"),
        ('{"metrics":{"a.b":1,"a-b":2}}', "labels"),
        ('{"metrics":{"":1}}', "labels"),
        ('{"metrics":[1]}', "type"),
    ],
)
def test_an_object_that_cannot_be_taken_costs_itself_only(item, reason):
    found = decode(f'[{{"metric":"good","value":1}},{item},{{"metric":"good","value":2}}]')
    assert found.v.tolist() == [1, 2]
    assert dict(found.refused) == {reason: 1}


def test_a_value_that_is_none_costs_itself_only():
    found = decode('{"host":"a","metrics":{"cpu":1,"gone":null,"list":[1],"mem":2}}')
    assert found.v.tolist() == [1, 2]
    assert found.refused == {"type": 2}


def test_a_line_that_is_no_json_costs_itself_only():
    found = decode('{"metric":"m","value":1}\nnonsense\n{"metric":"m","value":2}\n{"metric":"m","va')
    assert found.v.tolist() == [1, 2]
    assert [(one.line, one.reason) for one in found.refusals] == [(2, "syntax"), (4, "syntax")]


@pytest.mark.parametrize(
    "body",
    ["", "nonsense", '{"metrics":', "[" * 200_000, '{"metric":"m","value":NaN}', "\xff\xfe", b"\xff\xfe", b'{"metric":"\xff","value":1}'],
)
def test_what_is_no_json_is_undecodable(body):
    with pytest.raises(Undecodable):
        decode(body)
    with pytest.raises(Undecodable):
        decode(body, read=json_points.decode_telegraf)


def test_more_samples_than_allowed_are_413():
    with pytest.raises(Undecodable) as refusal:
        decode('{"metrics":{"a":1,"b":2,"c":3}}', most=2)
    assert refusal.value.status == 413


BATCH = """{"metrics": [
  {"fields": {"usage_idle": 95.5, "state": "ok", "up": true}, "name": "cpu", "tags": {"cpu": "cpu0", "host": "a"}, "timestamp": 1700000000},
  {"fields": {"used": 12}, "name": "disk", "tags": {"host": "a", "path": "/"}, "timestamp": 1700000000000000000}
]}"""


def test_telegraf_s_batch_is_read_as_line_protocol_would_be():
    found = decode(BATCH, read=json_points.decode_telegraf)
    assert points(found) == [
        ("cpu_usage_idle", HOST | {"cpu": "cpu0"}, AT, 95.5),
        ("cpu_up", HOST | {"cpu": "cpu0"}, AT, 1.0),
        ("disk_used", HOST | {"path": "/"}, AT, 12.0),
    ]
    assert found.skipped == {"text": 1}


def test_telegraf_s_single_metric_is_read():
    found = decode('{"fields":{"v":1},"name":"m","tags":{},"timestamp":1700000000}', read=json_points.decode_telegraf)
    assert points(found) == [("m_v", {}, AT, 1.0)]


def test_a_metric_of_telegraf_that_cannot_be_taken_costs_itself_only():
    body = '{"metrics":[{"name":"m","fields":{"v":1}},{"name":"","fields":{"v":1}},{"fields":{}},5,{"name":"m","fields":{"v":2}}]}'
    found = decode(body, read=json_points.decode_telegraf)
    assert (found.v.tolist(), sum(found.refused.values())) == ([1, 2], 3)


@pytest.mark.parametrize(
    "item",
    [
        {"host": "a", "ts": 1_700_000_000, "metrics": {"x": 1, "y": 2.5}},
        {"host": "a", "metrics": {"x": True}},
        {"host": "a", "ts": 1_700_000_000, "metrics": {"x": "text", "y": 1}},
        {"host": "a", "ts": 1_700_000_000, "metrics": {"x": None, "y": 1}},
        {"host": "a", "ts": "2023-11-14T22:13:20Z", "metrics": {"x": 1}},
        {"host": "a", "ts": 1_700_000_000, "metrics": {"x": 10**400, "y": 1}},
        {"host": "a", "ts": 1_700_000_000, "metrics": {"x": 1}, "labels": {"dc": "eu"}},
        {"host": "a", "ts": 10**30, "metrics": {"x": 1}},
        {"host": "a", "ts": 1_700_000_000, "metrics": {"": 1, "y": 1}},
        {"host": "a", "ts": 1_700_000_000, "metrics": {}},
    ],
)
def test_an_object_is_the_same_whether_its_neighbours_are_plain_or_not(item):
    plain = {"host": "b", "ts": 1_700_000_000, "metrics": {"z": 1.5}}
    odd = {"hostname": "c", "ts": 1_700_000_000, "metrics": {"z": 2}}
    alone, among = decode(json.dumps([plain, item])), decode(json.dumps([plain, item, odd]))
    assert [(key.metric, key.labels) for key in alone.keys] == [(key.metric, key.labels) for key in among.keys[:-1]]
    assert alone.v.tolist() == among.v.tolist()[:-1]
    assert alone.refused == among.refused
