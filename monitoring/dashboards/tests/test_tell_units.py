import pytest

from monitoring.dashboards.query_units import metrics_of, of_metric, unit_of

pytestmark = pytest.mark.once

UNITS = [
    ('100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))', "%"),
    ("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "ratio"),
    ("rate(node_network_receive_bytes_total[5m])", "B/s"),
    ("8 * rate(node_network_receive_bytes_total[5m])", "bit/s"),
    ("histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "s"),
    ("node_hwmon_temp_celsius", "°C"),
    ("nvidia_smi_temperature_gpu", "°C"),
    ("count(node_filesystem_size_bytes)", ""),
    ("rate(http_requests_total[5m])", "/s"),
    ("rate(read_seconds_total[5m]) / rate(reads_completed_total[5m])", "s"),
    ("rate(read_bytes_total[5m]) / rate(reads_completed_total[5m])", "B"),
    ("errors_total / requests_total", ""),
    ("time() - node_boot_time_seconds", "s"),
    ("x_seconds * 1000", "ms"),
    ("x_bytes * 3", ""),
    ("aiops_samples_per_second", "/s"),
    ("topk(3, max_over_time(x_bytes[1h] offset 1d))", "B"),
    ("http_request_duration_seconds_count", ""),
    ("not a query", ""),
]


@pytest.mark.parametrize(("query", "unit"), UNITS)
def test_a_unit_follows_from_names_and_functions(query, unit):
    assert unit_of(query) == unit


def test_what_metadata_says_goes_before_the_name():
    assert unit_of("rate(x_total[5m])", lambda metric: "bytes") == "B/s"
    assert of_metric("speed_bytes", "furlongs") == "furlongs"


def test_the_metrics_of_a_query_are_each_named_once():
    assert metrics_of('sum(a) / on (x) (b{c="d"} + a offset 5m) > max_over_time({__name__="e"}[5m:1m])') == ["a", "b", "e"]
