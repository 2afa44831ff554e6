"""The hash of a language model changes with all that decides its answers, and with nothing else."""
# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import copy
import json
import shutil

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
constants = pytest.importorskip("huggingface_hub").constants

from xai import reagent
from xai.core.resources import resource
from xai.models.text import demo_causal, demo_masked, open_huggingface, open_masked
from xai.models.text.demo import CAUSAL, MASKED
from xai.models.text.fingerprint import fingerprint

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path):
    """The demo model in a folder of its own."""
    return shutil.copytree(resource("sample_data", "models", CAUSAL), tmp_path / "own")


def small(seed):
    torch.manual_seed(seed)
    config = transformers.GPT2Config(vocab_size=1711, n_positions=96, n_embd=32, n_layer=2, n_head=2)
    return transformers.GPT2LMHeadModel(config)


def in_shards(folder, seed):
    small(seed).save_pretrained(folder, max_shard_size="100KB")
    demo_causal().tokenizer.save_pretrained(folder)
    assert not (folder / "model.safetensors").exists()
    return sorted(folder.glob("model-*.safetensors"))


def again(folder, gguf_file=None):
    """The hash of what lies there now; files are not asked whether they can be read."""
    return fingerprint(str(folder), demo_causal().model, demo_causal().tokenizer, gguf_file)


def test_a_copy_is_the_same_model(folder):
    found = open_huggingface(folder).hash
    assert len(found) == 64
    assert found == demo_causal().hash == again(folder)
    for name in ("README.md", "pytorch_model.bin", "training.json", "model-00001-of-00002.safetensors"):
        (folder / name).write_text("not read")
    assert again(folder) == found


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_each_file_that_decides_counts(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content + b" ")
    assert again(folder) != demo_causal().hash
    (folder / name).write_bytes(content)
    assert again(folder) == demo_causal().hash


def test_a_chat_template_that_comes_later_counts(folder):
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert again(folder) != demo_causal().hash


def test_files_that_change_their_names_are_another_model(folder):
    (folder / "added_tokens.json").write_text("{}")
    first = again(folder)
    (folder / "added_tokens.json").rename(folder / "special_tokens_map.json")
    assert again(folder) != first


def test_all_shards_count(tmp_path):
    shards = in_shards(tmp_path, 0)
    assert len(shards) > 2
    found = open_huggingface(tmp_path).hash
    seen = {found}
    for shard in shards:
        content = shard.read_bytes()
        shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        seen.add(open_huggingface(tmp_path).hash)
        shard.write_bytes(content)
    assert len(seen) == 1 + len(shards)
    assert "" not in seen
    assert open_huggingface(tmp_path).hash == found


def test_of_two_kinds_of_weights_those_that_are_read_count(tmp_path):
    """One file goes before shards in transformers, too."""
    shards = in_shards(tmp_path, 0)
    small(1).save_pretrained(tmp_path / "one")
    shutil.copy(tmp_path / "one" / "model.safetensors", tmp_path)
    opened = open_huggingface(tmp_path)
    weights = opened.model.state_dict()["transformer.wte.weight"]
    torch.testing.assert_close(weights, small(1).state_dict()["transformer.wte.weight"])
    shards[0].write_bytes(b"not read")
    assert again(tmp_path) == opened.hash


@pytest.mark.parametrize("named", [True, False])
def test_gguf_files(tmp_path, monkeypatch, named):
    """A file by its path, and one named in a folder; reading such a file takes a library of its own."""
    demo, read = demo_causal(), []

    def opener(made):
        return lambda *_, **given: read.append(given["gguf_file"]) or made

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", opener(demo.tokenizer))
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", opener(demo.model))

    def digest():
        if named:
            return open_huggingface(tmp_path, gguf_file="a.gguf").hash
        return open_huggingface(tmp_path / "a.gguf").hash

    (tmp_path / "a.gguf").write_bytes(b"first")
    first = digest()
    assert first == again(tmp_path, "a.gguf")
    (tmp_path / "b.gguf").write_bytes(b"another model")
    assert digest() == first
    (tmp_path / "a.gguf").write_bytes(b"second")
    assert digest() not in {first, ""}
    # A bare name would be looked for in the current folder, too.
    assert set(read) == {str(tmp_path / "a.gguf")}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A cache of the Hugging Face hub without a hub behind it, and the folder of the model in it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    home = tmp_path / "hub" / "models--someone--tiny"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    (home / "snapshots" / COMMIT).mkdir(parents=True)
    return home / "snapshots" / COMMIT


def test_names_of_the_hub_are_known_by_the_files_of_the_cache(hub):
    shutil.copytree(resource("sample_data", "models", CAUSAL), hub, dirs_exist_ok=True)
    assert open_huggingface("someone/tiny").hash == demo_causal().hash
    shards = hub.with_name("other")
    in_shards(shards, 0)
    shutil.rmtree(hub)
    shards.rename(hub)
    found = open_huggingface("someone/tiny").hash
    assert found not in {"", demo_causal().hash}
    assert found == open_huggingface(hub).hash


def test_gguf_files_of_the_hub_may_lie_deeper(hub):
    (hub / "small").mkdir()
    (hub / "small" / "a.gguf").write_bytes(b"first")
    assert again("someone/tiny", "small/a.gguf") == again(hub, "small/a.gguf")


def test_without_files_what_is_in_memory_counts(hub):
    """Such as weights that transformers found in another revision of the hub."""
    demo = demo_causal()
    shutil.copy(resource("sample_data", "models", CAUSAL) / "config.json", hub)
    found = again("someone/tiny")
    assert found == again("someone/nothing") == again(hub)
    assert len(found) == 64
    model = copy.deepcopy(demo.model)
    assert fingerprint("someone/tiny", model, demo.tokenizer) == found
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1
    assert fingerprint("someone/tiny", model, demo.tokenizer) != found
    tokenizer = copy.deepcopy(demo.tokenizer)
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    assert fingerprint("someone/tiny", demo.model, tokenizer) != found


def test_results_name_the_masked_model_that_took_part(tmp_path):
    place = shutil.copytree(resource("sample_data", "models", MASKED), tmp_path / MASKED)
    settings = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(settings | {"layer_norm_eps": 0.1}))
    assert len({open_masked(place).hash, demo_masked().hash, demo_causal().hash, ""}) == 4
    prompt = "A man with fever and a painful toe has"
    options = {
        name: reagent.attribute(
            demo_causal(), prompt, " gout", config=reagent.ReagentConfig(budget=6, replacement=name)
        ).provenance.options
        for name in ("uniform", "masked")
    }
    assert options["masked"]["masked_model_hash"] == demo_masked().hash
    assert options["masked"]["masked_model"] == MASKED
    assert "masked_model" not in options["uniform"]
