"""Groups of parameters for an optimizer: weight decay on weights, not on biases and norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
    nn.CrossMapLRN2d,
)


def parameter_groups(
    module: nn.Module, weight_decay: float, no_decay: Sequence[str] = ("bias", "norm")
) -> list[dict[str, Any]]:
    """Split the trainable parameters of ``module`` in those with weight decay and those without.

    The rule is that of BERT's training code, which GPT-2, ViT and the Hugging Face Trainer follow: decay
    pulls weights of matrix products towards zero; a bias or the scale of a normalisation has no such need.

    Every parameter with ``requires_grad`` is in one group, once, in the order of
    ``module.named_parameters()``. One that is shared goes without decay when any of its places does. A
    group without parameters is left out.

    Args:
        module: the model.
        weight_decay: of the first group, as the optimizer takes it; the second has 0.
        no_decay: "bias" exempts parameters whose own name is ``bias`` or ends in ``_bias``; "norm" exempts
            those of the normalisation layers of torch.nn and of any class whose name ends in ``Norm`` (as
            LlamaRMSNorm).

    Returns:
        dicts with ``params`` and ``weight_decay``, for the optimizer's first argument.

    Raises:
        ValueError: ``no_decay`` names something else.
    """
    unknown = set(no_decay) - {"bias", "norm"}
    if unknown:
        raise ValueError(f"no_decay takes 'bias' and 'norm', not {', '.join(map(repr, sorted(unknown)))}.")
    exempt = {
        id(parameter)
        for layer in module.modules()
        for name, parameter in layer.named_parameters(recurse=False)
        if ("norm" in no_decay and _is_norm(layer)) or ("bias" in no_decay and _is_bias(name))
    }
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if id(p) not in exempt], "weight_decay": weight_decay},
        {"params": [p for p in trainable if id(p) in exempt], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _is_norm(layer: nn.Module) -> bool:
    return isinstance(layer, NORMS) or type(layer).__name__.endswith("Norm")


def _is_bias(name: str) -> bool:
    return name == "bias" or name.endswith("_bias")
