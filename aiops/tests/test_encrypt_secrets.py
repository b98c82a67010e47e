import pytest
from django.core.exceptions import ImproperlyConfigured

from aiops import crypto


def test_a_value_comes_back_and_its_ciphertext_hides_it():
    sealed = crypto.encrypt("hunter2")
    assert "hunter2" not in sealed
    assert crypto.decrypt(sealed) == "hunter2"


def test_a_retired_key_still_opens_what_it_sealed(settings):
    sealed = crypto.encrypt("hunter2")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"
    assert crypto.decrypt(sealed) == "hunter2"


def test_a_lost_key_is_one_clear_sentence(settings):
    sealed = crypto.encrypt("hunter2")
    settings.SECRET_KEY = "another key"
    with pytest.raises(ImproperlyConfigured, match="AIOPS_SECRET_KEY_FALLBACKS"):
        crypto.decrypt(sealed)


def test_a_field_whose_key_is_lost_reads_as_empty_and_keeps_its_ciphertext(settings):
    field = crypto.EncryptedJSONField()
    sealed = field.get_prep_value({"password": "hunter2"})
    kept = settings.SECRET_KEY
    settings.SECRET_KEY = "another key"
    found = field.from_db_value(sealed, None, None)
    assert found == {}
    assert isinstance(found, crypto.Unreadable)
    assert field.get_prep_value(found) == sealed
    settings.SECRET_KEY = kept
    assert field.from_db_value(sealed, None, None) == {"password": "hunter2"}
