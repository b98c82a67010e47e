import pytest

from aiops import plugins
from aiops.plugins import Plugin, PluginError


class Thermometer(Plugin):
    label = "Thermometer"


FAMILY = {"thermometer": f"{__name__}.Thermometer", "ghost": "aiops.ghosts.Ghost"}


def test_a_member_is_loaded_by_its_kind():
    assert plugins.member(FAMILY, "thermometer") is Thermometer


def test_a_kind_that_does_not_exist_names_those_that_do():
    with pytest.raises(PluginError, match="no kind 'kettle'; known are ghost, thermometer") as caught:
        plugins.member(FAMILY, "kettle")
    assert caught.value.permanent


def test_a_class_that_cannot_be_imported_is_a_permanent_fault():
    with pytest.raises(PluginError, match=r"aiops\.ghosts\.Ghost cannot be loaded") as caught:
        plugins.member(FAMILY, "ghost")
    assert caught.value.permanent


def test_a_fault_is_worth_another_try_unless_said_otherwise():
    assert not PluginError("the host did not answer").permanent
