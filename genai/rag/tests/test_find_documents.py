"""Search: words taken apart and stemmed, the best first, only what the asker may see; and half by meaning where a model is there."""

import json

import numpy as np
import pytest
from django.test import override_settings

from accounts.models import User
from genai.rag import documents, embed, encoder, find
from genai.rag.models import Chunk, Document
from genai.rag.terms import terms

pytestmark = pytest.mark.django_db
DISK = "# Disk full\n\nDelete old journals with journalctl when the filesystem fills.\n\n## After it\n\nCheck that DiskSpaceLow resolves."
MAIL = "# Mail queue\n\nThe queue grows when the relay refuses connections. Restart postfix."


@pytest.fixture
def library() -> None:
    documents.put("runbook", "disk", "Free disk space", DISK)
    documents.put("runbook", "mail", "Mail relay", MAIL)
    documents.put("incident", "7", "INC-7 Checkout slow", "The connectionPool of checkout was exhausted; raising maxPoolSize helped.")


def test_names_are_taken_apart_and_words_are_stemmed():
    assert terms("DiskSpaceLow node_filesystem_avail restarting restarted") == [
        "disk",
        "space",
        "low",
        "node",
        "filesystem",
        "avail",
        "restart",
        "restart",
    ]


def test_the_best_piece_comes_first_with_its_place(library, viewer):
    found = find.find("filesystem is filling up", viewer)
    assert found[0].document.title == "Free disk space"
    assert found[0].place == "Disk full"
    assert found[0].score == pytest.approx(1.0)


def test_camel_case_is_found_by_its_words(library, viewer):
    assert find.find("connection pool size", viewer)[0].document.key == "7"
    assert find.find("disk space low", viewer)[0].document.key == "disk"


def test_nothing_in_common_is_nothing_found(library, viewer):
    assert find.find("quantum chromodynamics", viewer) == []
    assert find.find("the of and", viewer) == []
    assert find.find("", viewer) == []


def test_kinds_narrow(library, viewer):
    assert {one.document.kind for one in find.find("restart disk pool queue", viewer, kinds=["incident"])} == {"incident"}


def test_who_may_not_see_a_document_does_not_find_it(library, viewer, admin, stranger):
    documents.put("note", "secret", "Vault rotation", "How the vault keys are rotated.", permission="audit:read")
    assert find.find("vault keys", viewer) == []
    assert find.find("vault keys", stranger) == []
    assert find.find("vault keys", None) == []
    assert [one.document.key for one in find.find("vault keys", admin)] == ["secret"]


def test_a_change_is_found_at_once_and_a_removal_too(library, viewer):
    documents.put("runbook", "mail", "Mail relay", "Nothing but haproxy now.")
    assert [one.document.key for one in find.find("haproxy", viewer)] == ["mail"]
    assert find.find("postfix", viewer) == []
    documents.drop("runbook", ["mail"])
    assert find.find("haproxy", viewer) == []


def test_one_document_does_not_take_all_places(library, viewer):
    documents.put("runbook", "long", "Long", "\n\n".join(f"## Part {n}\n\nkafka broker {n}" for n in range(20)))
    documents.put("runbook", "short", "Short", "A note that once mentions a kafka partition among many other things that are not about it.")
    found = find.find("kafka", viewer, limit=8)
    assert [one.document.key for one in found].count("long") == find.MOST_OF_ONE
    assert "short" in {one.document.key for one in found}


def test_an_answer_as_it_might_be_widens_the_search(library, viewer):
    assert find.find("why do orders hang", viewer) == []
    assert find.find("why do orders hang", viewer, passage="the connection pool was exhausted")[0].document.key == "7"


def test_putting_the_same_again_writes_nothing(library):
    before = Document.objects.get(key="disk").updated_at
    assert documents.put("runbook", "disk", "Free disk space", DISK) is False
    assert Document.objects.get(key="disk").updated_at == before


# -- by meaning --------------------------------------------------------------------------------------------------------------
class Meaning:
    """Stands in for the model: texts about the same have the same direction."""

    TOPICS = (("slow", "latency", "delay"), ("disk", "filesystem", "storage"))

    def encode(self, texts):
        rows = [[sum(word in text.lower() for word in topic) for topic in self.TOPICS] + [0.01] for text in texts]
        vectors = np.array(rows, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def meaning(monkeypatch) -> None:
    monkeypatch.setattr(encoder, "encoder", lambda: Meaning())


def test_with_a_model_what_means_the_same_is_found_without_a_word_in_common(library, viewer, meaning):
    assert embed.embed() == Chunk.objects.count()
    assert find.find("latency", viewer)[0].document.title == "INC-7 Checkout slow"


def test_words_and_meaning_count_half_each(library, viewer, meaning):
    embed.embed()
    found = {one.document.key: one.score for one in find.find("postfix storage", viewer)}
    assert found["mail"] == pytest.approx(0.5)  # by its word alone
    assert found["disk"] == pytest.approx(0.5, abs=1e-3)  # by its meaning alone


def test_a_chunk_gets_its_vector_once(library, meaning):
    embed.embed()
    assert embed.embed() == 0


def test_a_folder_without_a_model_leaves_words(tmp_path, library, viewer, caplog):
    with override_settings(EMBEDDING_MODEL=str(tmp_path)):
        assert find.find("journals", viewer)[0].document.key == "disk"
        assert embed.embed() == 0
    assert "found by their words alone" in caplog.text


def test_the_arithmetic_is_that_of_the_model(tmp_path):
    """Against torch-free references: unit vectors, padding and batch do not matter, gelu as it is defined."""
    pytest.importorskip("safetensors")
    pytest.importorskip("tokenizers")
    model = encoder.Encoder(_small_model(tmp_path))
    alone = model.encode(["disk full"])
    among = model.encode(["disk full", "the mail queue of the relay grows and grows", ""])
    assert np.allclose(np.linalg.norm(among, axis=1), [1, 1, 0], atol=1e-5)  # of no words there is no direction
    assert np.allclose(alone[0], among[0], atol=1e-5)
    x = np.linspace(-4, 4, 81, dtype=np.float32)
    from math import erf

    assert np.allclose(encoder.gelu(x), [value * 0.5 * (1 + erf(value / 2**0.5)) for value in x.tolist()], atol=1e-5)


def _small_model(folder):
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "disk", "full", "the", "mail", "queue", "of", "relay", "grows", "and"]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"num_hidden_layers": 1, "num_attention_heads": 2}))
    random, size = np.random.default_rng(7), 8
    weights = {"embeddings.word_embeddings.weight": (len(words), size), "embeddings.position_embeddings.weight": (16, size)}
    weights |= {"embeddings.token_type_embeddings.weight": (2, size)}
    at = "encoder.layer.0."
    dense = [f"{at}attention.self.{name}" for name in ("query", "key", "value")] + [f"{at}attention.output.dense"]
    weights |= {f"{name}.weight": (size, size) for name in dense} | {f"{name}.bias": (size,) for name in dense}
    weights |= {f"{at}intermediate.dense.weight": (16, size), f"{at}intermediate.dense.bias": (16,)}
    weights |= {f"{at}output.dense.weight": (size, 16), f"{at}output.dense.bias": (size,)}
    norms = ["embeddings.LayerNorm", f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
    weights |= {f"{name}.{part}": (size,) for name in norms for part in ("weight", "bias")}
    save_file({name: random.normal(size=shape).astype(np.float32) for name, shape in weights.items()}, str(folder / "model.safetensors"))
    return folder


def test_people_of_every_role_find_what_everybody_may_see(library, viewer, operator, approver, admin):
    for person in (viewer, operator, approver, admin):
        assert isinstance(person, User)
        assert find.find("postfix", person)
