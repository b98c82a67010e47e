"""Form controls in the interface's own classes."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def control(field: BoundField, css: str = "form-control", **attrs: str) -> SafeString:
    """The field's widget; extra attributes with _ for -. Django adds aria-invalid and aria-describedby where there are errors."""
    wanted: dict[str, str | bool] = {"class": f"{css} is-invalid" if field.errors else css, "placeholder": ""}
    wanted.update({name.replace("_", "-"): value for name, value in attrs.items()})
    return field.as_widget(attrs=wanted)
