"""A small program as conversion reads it, without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra_lightning.convert.flow import Flow, flow_of
from hydra_lightning.convert.settings import Setting, settings_of
from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.convert.unrun import static_tape

HEAD = """import argparse
import torch
from torch import nn
from torch.utils.data import DataLoader
"""
TRAINING = """
net = nn.Linear(4, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for batch in loader:
        optimizer.zero_grad()
        net(batch).sum().backward()
        optimizer.step()
"""


@dataclass(frozen=True)
class LaidOut:
    """The files, the sequence of statements and the settings of a program."""

    sources: dict[str, Source]
    flow: Flow
    settings: dict[str, Setting]


def laid_out(text: str, training: str = TRAINING) -> LaidOut:
    """``text`` between imports and a training over ``loader``, which it has to make."""
    sources = {"train.py": Source("train.py", HEAD + text + training)}
    tape = static_tape(sources, "train.py", ())
    flow = flow_of(sources, "train.py", tape)
    return LaidOut(sources, flow, settings_of(flow, tape, Path()))


def middle(source: Source, training: str = TRAINING) -> str:
    """What stands between the imports and the training now."""
    return source.text.removeprefix(HEAD).removesuffix(training).strip()


def pieces(text: str) -> list[Piece]:
    """The statements of a file."""
    source = Source("train.py", text)
    return [Piece(node, source) for node in source.tree.body]
