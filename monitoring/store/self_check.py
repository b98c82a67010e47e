"""How the store is: does it take samples, and do its jobs keep up."""

from aiops.health import Health
from monitoring import store
from monitoring.store.database import database
from monitoring.store.remote import PromStore
from monitoring.store.windows import FUTURE, HOUR, now_ms

LATE = HOUR // 1000  # seconds a finished window may wait


def check() -> Health:
    """An engine elsewhere is well when it answers; it looks after itself."""
    engine = store.current()
    if isinstance(engine, PromStore):
        engine.probe()
        return Health("ok", "the metric engine answers", 0.0)
    return _chunks()


def _chunks() -> Health:
    [(newest,)] = database().read("SELECT max(t1) FROM monitoring_hot WHERE t1 <= %s", [now_ms() + FUTURE])  # not what is foretold
    age = None if newest is None else max(0.0, (now_ms() - newest) / 1000)
    lag = store.stats()["seal_lag_seconds"]
    if lag > LATE:
        return Health("degraded", f"samples have waited {lag / 3600:.1f} h to be sealed; is a worker running?", age)
    return Health("ok", "no samples yet" if newest is None else f"the newest sample is {age:.0f} s old", age)
