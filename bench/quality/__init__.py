"""How good detectors and forecasts are, on openly licensed series. Pure numpy; causality is checked, one configuration for all series."""
