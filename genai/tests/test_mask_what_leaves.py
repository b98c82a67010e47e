"""What leaves and what does not: the sets that docs/models.md states."""

import time

import pytest
from django.test import override_settings

from genai import stored_secrets
from genai.masking import Mask, Unmasking
from genai.tests.masking_sets import LOOKALIKES, POSITIVES

pytestmark = pytest.mark.usefixtures("nothing_stored")


@pytest.fixture
def nothing_stored(monkeypatch):
    monkeypatch.setattr(stored_secrets, "values", lambda: ())


def test_the_sets_are_as_large_as_the_documentation_says():
    assert len(POSITIVES) >= 100
    assert len(LOOKALIKES) >= 100
    assert len({text for text, _ in POSITIVES}) == len(POSITIVES)
    assert len(set(LOOKALIKES)) == len(LOOKALIKES)


def test_every_secret_and_all_personal_data_of_the_set_is_hidden():
    leaked = [(text, mask) for text, value in POSITIVES if value in (mask := Mask().mask(text))]
    assert leaked == []


def test_nothing_that_merely_looks_like_one_is_hidden():
    hidden = [(text, mask) for text in LOOKALIKES if (mask := Mask().mask(text)) != text]
    assert hidden == []


def test_what_was_masked_comes_back_as_it_was():
    text = "\n".join(text for text, _ in POSITIVES)
    mask = Mask()
    assert mask.unmask(mask.mask(text)) == text


def test_the_same_value_has_the_same_placeholder_and_another_has_another():
    mask = Mask()
    masked = mask.mask("ada@example.org wrote to bob@example.org, and bob@example.org answered")
    assert masked == "⟦email 1⟧ wrote to ⟦email 2⟧, and ⟦email 2⟧ answered"
    assert mask.mask("cc: ada@example.org") == "cc: ⟦email 1⟧"
    assert mask.counts == {"email": 2}


def test_people_are_shown_personal_data_again_and_secrets_never():
    mask = Mask()
    masked = mask.mask("ada@example.org has password=correct-horse-7")
    assert mask.shown(masked) == "ada@example.org has password=[password hidden]"
    assert mask.unmask(masked) == "ada@example.org has password=correct-horse-7"


def test_a_text_that_looks_like_a_placeholder_is_not_taken_for_one():
    mask = Mask()
    masked = mask.mask("the label says ⟦email 1⟧ and the owner is ada@example.org")
    assert "ada@example.org" not in masked
    assert mask.shown(masked) == "the label says ⟦email 1⟧ and the owner is ada@example.org"
    assert mask.found == {"email": 1}


def test_a_placeholder_that_comes_in_pieces_is_shown_whole():
    mask = Mask()
    masked = mask.mask("ask ada@example.org or call +49 30 901820 today")
    for size in (1, 2, 3, 7):
        unmasking = Unmasking(mask)
        shown = "".join(unmasking.feed(masked[at : at + size]) for at in range(0, len(masked), size)) + unmasking.flush()
        assert shown == "ask ada@example.org or call +49 30 901820 today"


def test_a_bracket_that_is_never_closed_is_held_only_for_a_moment():
    unmasking = Unmasking(Mask())
    assert unmasking.feed("a ⟦ b") == "a "
    assert unmasking.feed("c" * 30) == "⟦ b" + "c" * 30
    assert unmasking.feed("⟦") + unmasking.flush() == "⟦"


def test_hosts_and_addresses_stay_unless_the_installation_hides_them():
    text = "web-03.fra.example.org (10.4.9.17, fe80::1:2) answers in 4.2 ms"
    assert Mask().mask(text) == text
    with override_settings(LLM_MASK_HOSTS=True):
        mask = Mask()
        assert mask.mask(text) == "⟦host 1⟧ (⟦address 1⟧, ⟦address 2⟧) answers in 4.2 ms"


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "password" * 25_000, "@" * 200_000, "1 2" * 66_000, "-----BEGIN PRIVATE KEY-----\n" * 7_000, "a.b-c_" * 33_000,
     "://" * 66_000, "eyJ" * 66_000, "<password>" * 20_000, "+1 " * 66_000, "token: " * 28_000, "4111" * 50_000,
     "a@b." * 50_000, '"' * 200_000],
)  # fmt: skip
def test_texts_made_to_take_long_do_not(text):
    began = time.process_time()
    Mask().mask(text)
    assert time.process_time() - began < 5  # a quadratic pattern takes minutes


class TestStored:
    @pytest.fixture
    def nothing_stored(self):
        stored_secrets.forget()
        yield
        stored_secrets.forget()

    def test_secrets_of_this_installation_are_hidden_wherever_they_stand(self, db):
        from genai.models import ModelProvider

        ModelProvider.objects.create(name="a", kind="groq", model="m", secrets={"api_key": "zebra-crossing-stripes", "pin": "12"})
        mask = Mask()
        assert mask.mask("the line read zebra-crossing-stripes at 12:00") == "the line read ⟦secret 1⟧ at 12:00"
        assert mask.shown("⟦secret 1⟧") == "[secret hidden]"

    def test_words_are_not_taken_for_stored_secrets(self, db):
        from genai.models import ModelProvider

        ModelProvider.objects.create(name="a", kind="groq", model="m", secrets={"community": "public", "user": "postgres"})
        assert Mask().mask("public postgres") == "public postgres"

    def test_our_own_key_is_hidden(self, db, settings):
        assert settings.SECRET_KEY not in Mask().mask(f"SECRET is {settings.SECRET_KEY}.")
