"""Pictures of coloured squares, and networks whose layers see colours by construction."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

SIDE, SQUARE = 48, 12
COLOURS = np.array([[220, 30, 30], [30, 200, 30], [30, 30, 220]], dtype=np.uint8)


def squares(n, colours=(0, 1, 2), seed=0, side=(SIDE, SIDE)):
    """Pictures (n, H, W, 3) with one square of each colour on black, and their masks (n, 3, H, W)."""
    rng = np.random.default_rng(seed)
    cells = [(i, j) for i in range(side[0] // SQUARE) for j in range(side[1] // SQUARE)]
    images, masks = np.zeros((n, *side, 3), np.uint8), np.zeros((n, 3, *side), bool)
    for image, mask in zip(images, masks, strict=True):
        for colour, cell in zip(colours, rng.permutation(len(cells))[: len(colours)], strict=True):
            top, left = (SQUARE * c for c in cells[cell])
            area = (slice(top, top + SQUARE), slice(left, left + SQUARE))
            image[area] = np.clip(COLOURS[colour].astype(int) + rng.integers(-20, 21, 3), 0, 255)
            mask[colour][area] = True
    return images, masks


def colour_net(*, hidden=False):
    """Colour channels, a finer and a coarser map, global mean, a linear layer (or a hidden one) to three classes."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, 6, 1, bias=False)
    opponent = torch.tensor([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1.0]])
    first.weight.data = torch.cat([opponent, 0.5 * opponent + 0.02 * torch.rand(3, 3)])[:, :, None, None]
    second = nn.Conv2d(6, 8, 1, bias=False)
    own = torch.arange(8)[:, None] % 3 == torch.arange(6) % 3  # channels of one colour: their factors are unique
    second.weight.data = ((0.2 + torch.rand(8, 6)) * own)[:, :, None, None]
    head = [nn.Linear(8, 3)] if not hidden else [nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)]
    return nn.Sequential(
        first, nn.ReLU(), nn.AvgPool2d(3), second, nn.ReLU(), nn.AvgPool2d(4),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head,
    ).eval()  # fmt: skip


class Tokens(nn.Module):
    """Patches and a CLS token that reads them in the last block; activations of both signs."""

    def __init__(self, side=SIDE, patch=12, width=10):
        super().__init__()
        torch.manual_seed(1)
        self.embed = nn.Conv2d(3, width, patch, patch)
        self.cls = nn.Parameter(torch.randn(1, 1, width))
        self.mix = nn.Linear(width, width)
        self.block = Attend(width)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        patches = self.embed(x).flatten(2).transpose(1, 2)
        tokens = self.mix(torch.cat([self.cls.expand(len(x), -1, -1), patches], dim=1))
        return self.head(self.block(tokens)[:, 0])


class Attend(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.value = nn.Linear(width, width)

    def forward(self, tokens):
        weights = torch.softmax(tokens @ tokens.transpose(1, 2) / 3, dim=-1)
        return tokens + torch.tanh(weights @ self.value(tokens))


def as_onnx(net, path, size=(SIDE, SIDE)):
    """The same network as an ONNX file, written node by node."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, here = [], [], "pixels"

    def add(kind, name, inputs, **options):
        nonlocal here
        nodes.append(helper.make_node(kind, inputs, [name], name=name, **options))
        here = name

    def keep(name, tensor):
        weights.append(numpy_helper.from_array(tensor.detach().numpy(), name))
        return name

    for i, part in enumerate(net):
        name = f"n{i}"
        if isinstance(part, nn.Conv2d):
            add("Conv", name, [here, keep(f"{name}.weight", part.weight)])
        elif isinstance(part, nn.ReLU):
            add("Relu", name, [here])
        elif isinstance(part, nn.AvgPool2d):
            side = [part.kernel_size] * 2
            add("AveragePool", name, [here], kernel_shape=side, strides=side)
        elif isinstance(part, nn.AdaptiveAvgPool2d):
            add("GlobalAveragePool", name, [here])
        elif isinstance(part, nn.Flatten):
            add("Flatten", name, [here])
        elif isinstance(part, nn.Linear):
            add(
                "Gemm", name, [here, keep(f"{name}.weight", part.weight), keep(f"{name}.bias", part.bias)], transB=1
            )  # fmt: skip
    inputs = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, *size])
    outputs = helper.make_tensor_value_info(here, TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "net", [inputs], [outputs], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
