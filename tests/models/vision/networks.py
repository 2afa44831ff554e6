"""Tiny classifiers of the usual kinds with random weights."""

from __future__ import annotations

import torch


def resnet(**changes):
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3,
        id2label={0: "cat", 1: "dog", 2: "emu"}, **changes,
    )  # fmt: skip
    return ready(ResNetForImageClassification(config))


def convnext(**changes):
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=4, image_size=64, **changes)
    return ready(ConvNextForImageClassification(config))


def vit(**changes):
    from transformers import ViTConfig, ViTForImageClassification

    options = {"image_size": 48, "patch_size": 8} | changes
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, num_labels=5, **options
    )
    return ready(ViTForImageClassification(config))


def ready(module, seed=0):
    """Weights large enough for every layer to matter; batch norms with statistics of their own."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.5 * parameter[0].numel() ** -0.5)
            elif "bias" in name:
                parameter.normal_(0, 0.1)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.2)
    return module.eval()
