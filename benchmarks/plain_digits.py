"""The digits example without any framework: what the benchmarks compare with.

Run as a script it trains for one step and writes down when that step was done.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split

BATCH_SIZE = 64


def mlp() -> nn.Sequential:
    """64-64-128-64-10 with batch norm, from images (N, 1, 8, 8) to logits (N, 10)."""
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU()),
        *(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU()),
        *(nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU()),
        nn.Linear(64, 10),
    )


def loaders() -> tuple[DataLoader[tuple[Tensor, ...]], DataLoader[tuple[Tensor, ...]]]:
    """The loaders for training (1,258 images, shuffled) and validation (180 images)."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    digits = TensorDataset(images, torch.tensor(labels))
    train, val, _ = random_split(digits, [0.7, 0.1, 0.2], torch.Generator().manual_seed(0))
    return DataLoader(train, BATCH_SIZE, shuffle=True), DataLoader(val, BATCH_SIZE)


def train_one_step() -> None:
    """The first step of a training."""
    net, criterion = mlp(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    images, labels = next(iter(loaders()[0]))
    loss = criterion(net(images), labels)
    loss.backward()
    optimizer.step()


if __name__ == "__main__":
    from first_step import write_mark

    train_one_step()
    write_mark()
