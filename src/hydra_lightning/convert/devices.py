"""Names that say where things run."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hydra_lightning.convert.source import Piece


def devices_of(setup: Iterable[Piece]) -> dict[str, str]:
    """Names that say where things run, and nothing else; how a LightningModule says it."""
    told = ("is_available", "torch.device", "device_count", '"cuda', "'cuda")
    no_device = (".to(", "Tensor", "GradScaler", "autocast", "DataLoader")
    found: dict[str, str] = {}
    for piece in setup:
        code = piece.text(comments=False)
        if (
            isinstance(piece.node, ast.Assign)
            and not any(isinstance(each, (ast.Attribute, ast.Subscript)) for each in piece.node.targets)
            and any(word in code for word in told)
            and not any(word in code for word in no_device)
        ):
            quoted = "'" in code or '"' in code
            written = (
                "self.device"
                if "torch.device" in code
                else "self.device.type"
                if quoted
                else '(self.device.type == "cuda")'
            )
            found |= dict.fromkeys(piece.defines, written)
    return found
