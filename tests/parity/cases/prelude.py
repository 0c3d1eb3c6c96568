"""What the programs of all families share: digits, a net with batch norm and dropout, the plain loop, a module.

A family holds originals, each followed by Lightning forms of it and what parity has to say of each form.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.optim import Adam, Optimizer
from torch.utils.data import DataLoader, Dataset, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

EPOCHS = 3
BATCH = 32
X, Y = (torch.as_tensor(each) for each in load_digits(return_X_y=True))
X = X.float() / 16
# Ten batches, the last of them with 12 of the 32.
TRAIN = TensorDataset(X[:300], Y[:300])
EVEN = TensorDataset(X[:320], Y[:320])
TEST = TensorDataset(X[1500:1600], Y[1500:1600])

Program = Callable[[], None]


def original(row: str, epochs: int | None = 2) -> Callable[[Program], Program]:
    """The program that is right, and how many of its epochs are recorded."""
    return lambda program: program


def same(program: Program) -> Program:
    """This form of the original above has to PASS."""
    return program


def differs(what: str, at: int | None, why: str = "") -> Callable[[Program], Program]:
    """This form has to FAIL: the first difference is ``what``, at the ``backward`` number ``at``, explained by ``why``.

    At None is for what differs by rounding, which another machine does at another step.
    """
    return lambda program: program


def fails(message: str) -> Callable[[Program], Program]:
    """This form cannot be recorded."""
    return lambda program: program


class Net(nn.Sequential):
    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__(
            nn.Linear(64, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(dropout), nn.Linear(24, 10)
        )


class Noisy(Dataset[Any]):
    """Adds noise to each item when it is fetched."""

    def __len__(self) -> int:
        return len(TRAIN)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return X[index] + 0.1 * torch.randn(64), Y[index]


def train_loader(data: Any = TRAIN, **options: Any) -> DataLoader[Any]:
    return DataLoader(data, BATCH, shuffle=True, **options)


def test_loader(**options: Any) -> DataLoader[Any]:
    return DataLoader(TEST, 50, **options)


def adam(model: nn.Module) -> Adam:
    return Adam(model.parameters(), lr=0.001)


def train(model: nn.Module, optimizer: Optimizer, loader: Iterable[Any]) -> None:
    """One epoch."""
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def evaluate(model: nn.Module, loader: Iterable[Any]) -> float:
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in loader:
            total += F.cross_entropy(model(x), y).item() * len(x)
    return total / len(TEST)


class Classifier(lightning.LightningModule):
    """The Lightning form of ``train`` and ``evaluate``."""

    def __init__(self, model: nn.Module | None = None) -> None:
        super().__init__()
        self.model = model or Net()

    def loss(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return F.cross_entropy(self.model(x), y)

    def training_step(self, batch: Any, index: int) -> torch.Tensor | None:
        return self.loss(batch)

    def validation_step(self, batch: Any, index: int) -> None:
        self.loss(batch)

    def test_step(self, batch: Any, index: int) -> None:
        self.loss(batch)

    def configure_optimizers(self) -> Any:
        return adam(self.model)


class Manual(Classifier):
    """The same with ``optimizer.step()`` in the hands of ``training_step``."""

    def __init__(self, model: nn.Module | None = None) -> None:
        super().__init__(model)
        self.automatic_optimization = False


def trainer(**settings: Any) -> lightning.Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return lightning.Trainer(
        **({"max_epochs": EPOCHS, "accelerator": "cpu", "enable_model_summary": False} | quiet | settings)
    )


def fit(module: lightning.LightningModule, *loaders: Any, **settings: Any) -> lightning.Trainer:
    fitted = trainer(**settings)
    fitted.fit(module, *loaders)
    return fitted


class AskedOnceMore:
    """Asks for an item after the last one, as ``for`` does and Lightning does not when there is a length."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Any:
        items = iter(self.loader)
        for number in range(1, len(self) + 1):
            item = next(items)
            if number == len(self):
                next(items, None)
            yield item


class StartedLate:
    """Starts the loader when the first item is asked for: after ``on_train_epoch_start``, as ``for`` does."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Any:
        yield from self.loader


class OneAhead(StartedLate):
    """Fetches the next batch before it gives one, as accelerate's loader does."""

    def __iter__(self) -> Any:
        items = iter(self.loader)
        current = next(items)
        for following in items:
            yield current
            current = following
        yield current
