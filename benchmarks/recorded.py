"""The steps of a program, with and without the recorder in turns: python benchmarks/recorded.py NUMBER

Both kinds run in one process, some steps of one and then of the other: how memory lies in a process makes more of a
difference than the recorder. What is printed are the medians in seconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks
from torch.utils.data import DataLoader, TensorDataset

from hydra_lightning.parity.lines import Marks
from hydra_lightning.parity.recorder import Recorder
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.watch import watch

STEPS, IN_TURN, TO_WARM_UP = 400, 20, 40
STEP = b"""def step(net, optimizer, images, labels):
    optimizer.zero_grad()
    loss = cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
"""
# What the recorder takes the place of in a step.
OWNERS: tuple[Any, ...] = (torch.Tensor, torch.autograd, nn.Module, torch.optim.Optimizer, nn.functional)


def programs() -> Iterator[tuple[torch.Tensor, int, nn.Module]]:
    """The data, the size of its batches and the model of each program; steps of about ten milliseconds."""
    convolutions = [nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3)]
    convolutions += [nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 10)]
    yield torch.randn(32 * 100, 1, 28, 28), 32, nn.Sequential(*convolutions)
    layers = [each for _ in range(20) for each in (nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU())]
    yield torch.randn(64 * 100, 256), 64, nn.Sequential(*layers, nn.Linear(256, 10))
    words = nn.Sequential(nn.EmbeddingBag(100_000, 128), nn.Linear(128, 10))
    yield torch.randint(0, 100_000, (64 * 100, 32)), 64, words


def main(number: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, size, net = [*programs()][number]
    loader = DataLoader(TensorDataset(x, x.flatten(1)[:, :10].argmax(1)), batch_size=size)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    before = [dict(vars(owner)) for owner in OWNERS]
    recorder = Recorder(Tape("running", [], str(Path(__file__).parent)), lambda: None, None, None, None)
    watch(recorder)
    changed = [
        (owner, name, known[name], value)
        for owner, known in zip(OWNERS, before, strict=True)
        for name, value in dict(vars(owner)).items()
        if name in known and known[name] is not value
    ]
    hooks = dict(_global_optimizer_post_hooks)
    codes = {False: compile(STEP, __file__, "exec"), True: Marks(recorder.path).code(STEP, __file__)}
    steps: dict[bool, Callable[..., None]] = {}
    for is_recorded, code in codes.items():
        names: dict[str, Any] = {"cross_entropy": lambda *given: nn.functional.cross_entropy(*given)}
        exec(code, names)
        steps[is_recorded] = names["step"]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    batches = (batch for _ in range(STEPS) for batch in loader)
    for count in range(STEPS):
        is_recorded = count // IN_TURN % 2 == 1
        if count % IN_TURN == 0:
            for owner, name, plain, watched in changed:
                setattr(owner, name, watched if is_recorded else plain)
            _global_optimizer_post_hooks.clear()
            _global_optimizer_post_hooks.update(hooks if is_recorded else {})
        images, labels = next(batches)
        start = time.perf_counter()
        steps[is_recorded](net, optimizer, images, labels)
        if count >= TO_WARM_UP and count % IN_TURN > 1:
            seconds[is_recorded].append(time.perf_counter() - start)
    assert len(recorder.tape.losses) == STEPS // 2
    print(json.dumps([statistics.median(seconds[False]), statistics.median(seconds[True])]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
