import pytest

from monitoring.dashboards import gpu_consumers, gpus
from monitoring.inventory.models import Resource

pytestmark = pytest.mark.django_db
GB = 1e9


def values(use, used, heat, power, count=12):
    return [
        (gpus.USE, {}, [use / 100] * count), (gpus.USED, {}, [used * GB] * count), (gpus.TOTAL, {}, [80 * GB] * count),
        (gpus.HEAT, {}, [heat] * count), (gpus.POWER, {}, [power] * count), (gpus.LIMIT, {}, [700.0] * count),
    ]  # fmt: skip


@pytest.fixture
def node(watch, sample):
    host = watch("gpu-01")
    for at, (use, used, heat, power) in enumerate([(90, 60, 71.0, 600.0), (0, 1, 35.0, 70.0)]):
        gpu = watch(f"gpu-01 GPU {at}", kind="gpu", facts={"model": "H100"})
        Resource.objects.filter(pk=gpu.pk).update(parent=host)
        sample(gpu, values(use, used, heat, power))
    return host


@pytest.fixture
def fleet(node, now_ms):
    from aiops import timerange

    return gpus.fleet(timerange.absolute(now_ms - 900_000, now_ms + 1))


def test_the_fleet_is_summed_up(fleet):
    sums = fleet.sums
    assert (sums.use, sums.power, sums.limit) == (45.0, 670.0, 1400.0)
    assert sums.memory == pytest.approx(100 * 61 / 160)
    assert sums.hottest.resource.name == "gpu-01 GPU 0"
    assert fleet.reporting == 2


def test_gpus_stand_under_their_node_by_number(fleet):
    [node] = fleet.nodes
    assert (node.name, node.models) == ("gpu-01", "H100")
    assert [gpu.number for gpu in node.gpus] == ["GPU 0", "GPU 1"]


def test_a_gpu_that_did_nothing_all_the_time_is_idle(fleet):
    assert [gpu.resource.name for gpu in fleet.idle] == ["gpu-01 GPU 1"]


def test_charts_are_by_node(fleet):
    assert [one.panel.key for one in fleet.charts.drawn] == ["gpu-use", "gpu-memory-share", "gpu-heat", "gpu-watts"]
    assert fleet.charts.drawn[0].lines["gpu-01"].last == pytest.approx(45.0)
    assert fleet.charts.drawn[2].lines["gpu-01"].last == 71.0


def test_a_value_of_long_ago_is_not_now(watch, sample, now_ms):
    from aiops import timerange

    sample(watch("old GPU 0", kind="gpu"), values(90, 60, 71.0, 600.0), until=1_800_000)
    [gpu] = gpus.fleet(timerange.absolute(now_ms - 3_600_000, now_ms)).gpus
    assert gpu.use is None
    assert gpu.history


def test_pods_and_processes_are_ranked_by_the_memory_they_hold(node, sample, now_ms):
    first, second = Resource.objects.filter(kind="gpu").order_by("name")
    pod = {"pod": "trainer-0", "namespace": "ml"}
    for gpu in (first, second):
        sample(gpu, [("DCGM_FI_DEV_FB_USED", pod, [30_000.0] * 3), ("DCGM_FI_DEV_GPU_UTIL", pod, [80.0] * 3)])
    sample(second, [("DCGM_FI_DEV_FB_USED", {"pod": "notebook", "namespace": "lab"}, [900.0] * 3)])
    big, small = gpu_consumers.consumers(gpus.fleet(_span(now_ms)).gpus, now_ms + 1)
    assert (big.name, big.space, big.kind, len(big.gpus), big.mean_use) == ("trainer-0", "ml", "Pod", 2, 80.0)
    assert big.memory == 60_000 * 1024**2
    assert (small.name, small.mean_use) == ("notebook", None)


def _span(now_ms):
    from aiops import timerange

    return timerange.absolute(now_ms - 900_000, now_ms + 1)


def test_the_page_shows_nodes_and_says_when_nobody_is_named(node, viewer, client_of):
    page = client_of(viewer).get("/gpus/").content.decode()
    assert ">gpu-01<" in page
    assert "No series of these GPUs names a pod or a process" in page


def test_without_gpus_the_page_says_how_they_come(viewer, client_of):
    assert "No GPU is watched yet" in client_of(viewer).get("/gpus/").content.decode()
    assert client_of(viewer).get("/gpus/charts.json").json()["panels"] == []
