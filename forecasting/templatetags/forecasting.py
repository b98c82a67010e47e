"""Words of forecasts and anomalies: {% load forecasting %}."""

from django import template

from forecasting import words

register = template.Library()


@register.filter
def forecaster(kind: str) -> str:
    return words.model(kind)


@register.filter
def figure(value: float | None, unit: str = "") -> str:
    """A value with its watch's unit; "–" for none."""
    return words.figure(value, unit)
