"""Prophet with its default settings. cmdstan runs as a child of its own; what it prints and its scratch files are taken away."""

import logging
from typing import Any

import numpy as np

from forecasting.cleaning import Regular
from forecasting.forecasters.base import Forecaster, Params, Told

SECONDS = 60  # of one fit


class Prophet(Forecaster):
    label = "Prophet"
    heavy = True

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        import pandas
        import prophet

        quieten()
        model: Any = prophet.Prophet(uncertainty_samples=0)
        try:
            begin = {"init": start_values(earlier)} if earlier else {}
            model.fit(pandas.DataFrame({"ds": nanoseconds(past.times), "y": past.values}), timeout=SECONDS, **begin)
        finally:
            model.stan_backend.cleanup()
        steps = (past.step * np.arange(1, horizon + 1)).astype("timedelta64[s]")
        mean = model.predict(pandas.DataFrame({"ds": nanoseconds(past.times[-1] + steps)}))["yhat"].to_numpy(np.float64)
        return Told(mean, {name: np.asarray(model.params[name], np.float64).ravel() for name in ("k", "m", "sigma_obs", "delta", "beta")})


def start_values(earlier: Params) -> Params:
    """Of the optimiser: where the previous fit ended. Prophet itself leaves out what no longer has the right length."""
    numbers = {name: float(np.ravel(earlier[name])[0]) for name in ("k", "m", "sigma_obs")}
    return numbers | {name: np.asarray(earlier[name], np.float64) for name in ("delta", "beta")}


def nanoseconds(times: np.ndarray) -> np.ndarray:
    return times.astype("datetime64[ns]")


def quieten() -> None:
    import cmdstanpy  # noqa: F401 - sets its own level when it is first imported

    for name in ("prophet", "prophet.plot", "cmdstanpy"):
        logging.getLogger(name).disabled = True  # cmdstanpy sets its level anew with each use
