"""Damaged ONNX graphs, weights and Hugging Face folders, and such as carry code."""

from __future__ import annotations

import copy
import io
import json
import pickle
import struct
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from corpus_common import UNICODE, Broken, Trap, unzipped, zipped
from corpus_zips import zips


def onnx_graphs(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import onnx
    from onnx import helper

    proto = onnx.load_model_from_string(good)
    for what, change in _onnx_changes(marker).items():
        one = onnx.ModelProto()
        one.CopyFrom(proto)
        change(one, helper)
        yield Broken(what, one.SerializeToString(), ".onnx")
    trees = [node for node in proto.graph.node if node.op_type.startswith("TreeEnsemble")]
    for attribute in trees[0].attribute if trees else ():
        if not attribute.ints:
            continue
        for value in (99_999_999, -7, 2**62, 0, int(attribute.ints[-1])):
            one = onnx.ModelProto()
            one.CopyFrom(proto)
            node = next(node for node in one.graph.node if node.op_type.startswith("TreeEnsemble"))
            place = next(other for other in node.attribute if other.name == attribute.name)
            place.ints[int(rng.integers(len(place.ints)))] = value
            yield Broken(f"{attribute.name} holds {value}", one.SerializeToString(), ".onnx")


def _onnx_changes(marker: str) -> dict[str, Callable]:  # noqa: C901 - one small function a change
    def external(path: str) -> Callable:
        def change(proto, helper):
            tensor = proto.graph.initializer.add()
            tensor.name, tensor.data_type, tensor.data_location = "w", 1, 1
            tensor.dims.append(4)
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", path

        return change

    def operator(domain: str) -> Callable:
        def change(proto, helper):
            proto.graph.node.append(helper.make_node("Evil", ["x"], ["y"], domain=domain))
            proto.opset_import.append(helper.make_opsetid(domain, 1))

        return change

    def memory(proto, helper):
        shape = helper.make_tensor("huge", 7, [1], [2**34])
        proto.graph.node.insert(0, helper.make_node("ConstantOfShape", ["huge"], ["zeros"]))
        proto.graph.initializer.append(shape)
        proto.graph.node.insert(1, helper.make_node("ReduceSum", ["zeros"], ["total"]))
        proto.graph.output.append(helper.make_tensor_value_info("total", 1, None))

    def forever(proto, helper):
        body = helper.make_graph(
            [helper.make_node("Identity", ["keep"], ["on"]), helper.make_node("Identity", ["v"], ["w"])],
            "body",
            [
                helper.make_tensor_value_info("i", 7, []),
                helper.make_tensor_value_info("keep", 9, []),
                helper.make_tensor_value_info("v", 1, [1]),
            ],
            [helper.make_tensor_value_info("on", 9, []), helper.make_tensor_value_info("w", 1, [1])],
        )
        proto.graph.initializer.extend(
            [
                helper.make_tensor("times", 7, [], [2**60]),
                helper.make_tensor("true", 9, [], [True]),
                helper.make_tensor("start", 1, [1], [0.0]),
            ]
        )
        out = proto.graph.output[-1].name
        proto.graph.node.insert(0, helper.make_node("Loop", ["times", "true", "start"], ["never"], body=body))
        proto.graph.node.append(helper.make_node("Sum", [out, "never"], [f"{out}_never"]))
        proto.graph.output[-1].name = f"{out}_never"

    def dims(value: int) -> Callable:
        def change(proto, helper):
            if proto.graph.initializer:
                proto.graph.initializer[0].dims[:] = [value, value]
            else:
                proto.graph.initializer.add().dims[:] = [value, value]

        return change

    def nested(proto, helper):
        graph = proto.graph
        for _ in range(25):
            graph = helper.make_graph([helper.make_node("If", ["c"], ["o"], then_branch=graph)], "g", [], [])
        proto.graph.CopyFrom(graph)

    def no_outputs(proto, helper):
        del proto.graph.output[:]

    def cycle(proto, helper):
        proto.graph.node[0].input[0] = proto.graph.node[-1].output[0]

    def names(text: str) -> Callable:
        def change(proto, helper):
            proto.graph.input[0].name = text

        return change

    def inputs(shape: list) -> Callable:
        def change(proto, helper):
            kind = proto.graph.input[0].type.tensor_type
            del kind.shape.dim[:]
            for size in shape:
                kind.shape.dim.add().dim_value = size

        return change

    changes: dict[str, Callable] = {
        f"weights in {path}": external(path)
        for path in ("../../../../etc/passwd", "/etc/passwd", "weights.bin", "C:\\secret", marker)
    }
    changes |= {
        f"an operator of {domain}": operator(domain) for domain in ("com.evil", "com.microsoft", "ai.onnx.evil")
    }
    changes |= {
        "64 GB of zeros": memory,
        "a loop without an end": forever,
        "graphs 25 deep": nested,
        "no outputs": no_outputs,
        "a circle": cycle,
    }
    changes |= {f"weights of size {value}": dims(value) for value in (2**31, 2**62, -5)}
    changes |= {f"an input called {text[:12]!r}": names(text) for text in UNICODE[:6]}
    changes |= {f"an input of shape {shape}": inputs(shape) for shape in ([], [0, 0], [1], [1, 2**31], [1, 2, 3, 4, 5])}
    return changes


def safetensors(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    (length,) = struct.unpack("<Q", good[:8])
    head, rest = json.loads(good[8 : 8 + length]), good[8 + length :]
    for size in (0, 1, 2**63, 2**40, len(good), 100_000_000, length - 1, length + 1):
        yield Broken(f"a head of {size} bytes", struct.pack("<Q", size) + good[8:], ".safetensors")

    def packed(changed: object) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + rest

    first = next(key for key in head if key != "__metadata__")
    for field, values in {
        "shape": ([2**40, 2**40], [-1], [0], ["x"], [4.5], 7, [2**62, 4]),
        "dtype": ("F128", 7, None, "BOOL", "F64", "F8_E4M3"),
        "data_offsets": ([0, 2**62], [-8, 0], [8, 4], [0], "x", [0, 1], [1, 33]),
    }.items():
        for value in values:
            changed = copy.deepcopy(head)
            changed[first][field] = value
            yield Broken(f"{field} is {value}", packed(changed), ".safetensors")
    for what, card in {
        "an activation nobody knows": {"activation": "exec"},
        "2 classes for 3": {"classes": ["a", "b"]},
        "classes that are lists": {"classes": [[1], [2], [3]]},
        "means of text": {"mean": ["a"] * 4},
        "no spread": {"mean": [0] * 4, "std": [0, 0, 0, 0]},
        "names of all kinds": {"feature_names": list(UNICODE[:4])},
        "a million names": {"feature_names": ["a"] * 1_000_000},
        "text": "x",
    }.items():
        yield Broken(what, packed({**head, "__metadata__": {"hemicycle": json.dumps(card)}}), ".safetensors")
    yield Broken("metadata that are no texts", packed({**head, "__metadata__": {"a": 7}}), ".safetensors")
    yield Broken("60,000 tensors", packed({**head, **{f"t{i}": head[first] for i in range(60_000)}}), ".safetensors")
    yield Broken("a head of brackets", struct.pack("<Q", 100_000) + b"{" + b"[" * 99_999 + rest, ".safetensors")
    for name in UNICODE:
        renamed = {name if key == first else key: value for key, value in head.items()}
        yield Broken(f"a tensor called {name[:12]!r}", packed(renamed), ".safetensors")
    yield Broken("no tensors", packed({}), ".safetensors")
    nans = good[: 8 + length] + np.full(len(rest) // 4, np.nan, "<f4").tobytes()
    yield Broken("weights that are no numbers", nans, ".safetensors")


def torch_weights(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import torch

    entries = unzipped(good)
    pickled = next(name for name in entries if name.endswith("data.pkl"))

    def with_pickle(content: bytes) -> bytes:
        return zipped({**entries, pickled: content})

    trap = Trap(marker)
    for protocol in (0, 2, 4):
        yield Broken(f"code of protocol {protocol} for tensors", with_pickle(pickle.dumps(trap, protocol)), ".pt")
        yield Broken(
            f"code of protocol {protocol} among tensors", with_pickle(pickle.dumps({"0.weight": trap}, protocol)), ".pt"
        )
    original = entries[pickled]
    for name in (
        "os\nsystem",
        "builtins\nexec",
        "torch\nload",
        "torch.jit\n_load",
        "numpy\nsave",
        "torch._utils\n_rebuild_x",
    ):
        swapped = original.replace(b"ctorch._utils\n_rebuild_tensor_v2\n", b"c" + name.encode() + b"\n")
        yield Broken(f"tensors made by {name!r}", with_pickle(swapped), ".pt")
    yield Broken("memo numbers beyond", with_pickle(original.replace(b"q\x00", b"r\xff\xff\xff\x7f")), ".pt")
    yield Broken("a text of 2 GB", with_pickle(original[:20] + b"X\xff\xff\xff\x7f" + original[20:]), ".pt")
    for name in [name for name in entries if "/data/" in name][:3]:
        yield Broken(f"no {name}", zipped({key: value for key, value in entries.items() if key != name}), ".pt")
        yield Broken(f"a short {name}", zipped({**entries, name: entries[name][:-5]}), ".pt")
    out = io.BytesIO()
    torch.save(torch.nn.Linear(4, 2), out)
    yield Broken("a module", out.getvalue(), ".pt")
    out = io.BytesIO()
    torch.save({"a": 1, "b": [torch.zeros(2)]}, out)
    yield Broken("no state_dict", out.getvalue(), ".pt")
    out = io.BytesIO()
    torch.save({"0.weight": torch.zeros(3, 4), "0.bias": torch.zeros(7)}, out)
    yield Broken("a bias that does not fit", out.getvalue(), ".pt")
    out = io.BytesIO()
    torch.save({"w": torch.zeros(1).expand(2**40)}, out)
    yield Broken("4 TB of one number", out.getvalue(), ".pt")
    yield from zips(good, marker, rng)


def hub_zip(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    entries = unzipped(good)
    root = next(name for name in entries if name.endswith("config.json")).removesuffix("config.json")
    config = json.loads(entries[f"{root}config.json"])

    def changed(**files: object) -> bytes:
        made = dict(entries)
        for name, content in files.items():
            full = root + name.replace("__", ".")
            if content is None:
                made.pop(full, None)
            else:
                made[full] = content if isinstance(content, bytes) else json.dumps(content).encode()
        return zipped(made)

    script = f"open({marker!r}, 'w').close()\n".encode()
    mapped = {"AutoModelForImageClassification": "evil.Evil", "AutoConfig": "evil.Evil", "AutoTokenizer": "evil.Evil"}
    yield Broken("code beside", changed(config__json={**config, "auto_map": mapped}, evil__py=script), ".zip")
    yield Broken(
        "code beside, in the preprocessor",
        changed(preprocessor_config__json={"auto_map": mapped, "image_processor_type": "Evil"}, evil__py=script),
        ".zip",
    )
    pickled = pickle.dumps(Trap(marker), 2)
    yield Broken("weights as a pickle", changed(model__safetensors=None, pytorch_model__bin=pickled), ".zip")
    yield Broken("weights as a pickle beside", changed(pytorch_model__bin=pickled), ".zip")
    yield Broken("a pickle called safetensors", changed(model__safetensors=pickled), ".zip")
    for key, value in {
        "model_type": "evil", "architectures": ["Evil"], "hidden_sizes": [2**31], "embedding_size": 2**40,
        "num_labels": 2**40, "depths": [10**9, 10**9], "id2label": {str(i): "x" for i in range(200_000)},
        "hidden_act": "os.system", "dtype": "float99", "num_channels": -3, "layer_type": 7,
        "quantization_config": {"a": 1},
        "attn_implementation": "evil/kernel", "_name_or_path": "http://127.0.0.1:1/", "torchscript": True,
        "image_size": 2**30, "patch_size": 0,
    }.items():  # fmt: skip
        yield Broken(f"{key} is {str(value)[:20]}", changed(config__json={**config, key: value}), ".zip")
    for key, value in {
        "size": {"height": 10**9, "width": 10**9}, "image_mean": ["x"] * 3, "image_std": [0, 0, 0], "resample": "x",
        "rescale_factor": 0, "crop_size": [1, 2, 3], "do_center_crop": {"a": 1},
    }.items():  # fmt: skip
        said = json.loads(entries[f"{root}preprocessor_config.json"])
        yield Broken(f"{key} is {value}", changed(preprocessor_config__json={**said, key: value}), ".zip")
    yield Broken("a config of brackets", changed(config__json=b"[" * 100_000), ".zip")
    yield Broken("a config of 20 MB", changed(config__json=b'{"a": "' + b"x" * (20 << 20) + b'"}'), ".zip")
    for one in islice(safetensors(entries[f"{root}model.safetensors"], marker, rng), 0, 40, 2):
        yield Broken(f"weights: {one.what}", changed(model__safetensors=one.content), ".zip")
    yield from zips(good, marker, rng)
