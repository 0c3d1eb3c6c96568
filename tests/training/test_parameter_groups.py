"""No weight decay on biases and normalisation layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hydra_lightning.training.parameter_groups import parameter_groups


class RMSNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.norms = nn.ModuleList([nn.LayerNorm(4), nn.BatchNorm1d(4), nn.GroupNorm(2, 4), RMSNorm()])
        self.attention = nn.MultiheadAttention(4, 2)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.head = nn.Linear(4, 5)
        self.head.weight = self.embed.weight


def names(module: nn.Module, group: dict[str, object]) -> list[str]:
    by_id = {id(parameter): name for name, parameter in module.named_parameters()}
    return [by_id[id(parameter)] for parameter in group["params"]]


def test_every_trainable_parameter_is_in_one_group_in_order() -> None:
    net = Net()
    decay, none = parameter_groups(net, 0.1)
    assert (decay["weight_decay"], none["weight_decay"]) == (0.1, 0.0)
    assert names(net, decay) == ["embed.weight", "attention.in_proj_weight", "attention.out_proj.weight"]
    assert names(net, none) == [
        *(f"norms.{i}.{kind}" for i in range(3) for kind in ("weight", "bias")),
        "norms.3.weight",
        "attention.in_proj_bias",
        "attention.out_proj.bias",
        "head.bias",
    ]
    torch.optim.AdamW([decay, none])


def test_only_what_is_asked_for_is_exempt() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert names(net, parameter_groups(net, 0.1, no_decay=["bias"])[1]) == ["0.bias", "1.bias"]
    assert names(net, parameter_groups(net, 0.1, no_decay=["norm"])[1]) == ["1.weight", "1.bias"]
    (group,) = parameter_groups(net, 0.1, no_decay=[])
    assert len(group["params"]) == 4
    with pytest.raises(ValueError, match="'norms'"):
        parameter_groups(net, 0.1, no_decay=["norms"])


def test_a_language_model_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=11
    )
    model = transformers.LlamaForCausalLM(config)
    decay, none = parameter_groups(model, 0.1)
    assert all("norm" in name for name in names(model, none))
    assert not any("norm" in name for name in names(model, decay))
    assert len(decay["params"]) + len(none["params"]) == len(list(model.parameters()))
