"""Learns Friedman's test function. A run that was cut off goes on from its last snapshot."""
import argparse
from pathlib import Path

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Friedman(Dataset):
    def __init__(self, count: int, noise: float, seed: int):
        x, y = make_friedman1(count, n_features=8, noise=noise, random_state=seed)
        self.x = torch.from_numpy(x).float()
        self.y = (torch.from_numpy(y).float() - 14.4) / 5

    def __getitem__(self, k):
        return self.x[k], self.y[k]

    def __len__(self):
        return len(self.y)


class Surface(nn.Module):
    def __init__(self, units: int, p: float):
        super().__init__()
        self.bend = nn.Linear(8, units)
        self.scale = nn.LayerNorm(units)
        self.hide = nn.Dropout(p)
        self.height = nn.Linear(units, 1)

    def forward(self, x):
        folds = torch.nn.functional.gelu(self.scale(self.bend(x)))
        return self.height(self.hide(folds)).squeeze(1)


class Trainer:
    """Owns the net, the data and the snapshot file; ``fit`` does everything."""

    def __init__(self, net: nn.Module, steps: torch.optim.Optimizer, loaders, device: str, file: Path, gap: int):
        self.net = net.to(device)
        self.steps = steps
        self.learn_from, self.check_on = loaders
        self.device = device
        self.file = file
        self.gap = gap
        self.done = 0
        self.cost = nn.HuberLoss(delta=0.8)
        if file.is_file():
            self.restore()

    def restore(self):
        kept = torch.load(self.file, map_location=self.device)
        self.done = kept["done"]
        self.net.load_state_dict(kept["net"])
        self.steps.load_state_dict(kept["steps"])
        print(f"found {self.file}: {self.done} epochs are done already")

    def snapshot(self):
        torch.save({"done": self.done, "net": self.net.state_dict(), "steps": self.steps.state_dict()}, self.file)
        print(f"  wrote {self.file}")

    def one_step(self, x, y):
        self.steps.zero_grad()
        error = self.cost(self.net(x), y)
        error.backward()
        self.steps.step()
        return float(error)

    def one_epoch(self, number):
        self.net.train()
        errors = []
        for x, y in self.learn_from:
            errors.append(self.one_step(x.to(self.device), y.to(self.device)))
        print(f"[{number:2d}] {len(errors)} steps, mean cost {sum(errors) / len(errors):.4f}")

    @torch.no_grad()
    def check(self):
        self.net.eval()
        squares = absolutes = 0.0
        for x, y in self.check_on:
            x, y = x.to(self.device), y.to(self.device)
            off = self.net(x) - y
            squares += off.pow(2).sum().item()
            absolutes += off.abs().sum().item()
        count = len(self.check_on.dataset)
        print(f"     unseen points: mse {squares / count:.4f}, mae {absolutes / count:.4f}")

    def fit(self, epochs: int):
        for number in range(self.done, epochs):
            self.one_epoch(number)
            self.check()
            self.done = number + 1
            if self.done % self.gap == 0:
                self.snapshot()


def net_and_steps(units, p, lr):
    net = Surface(units, p)
    steps = torch.optim.NAdam(net.parameters(), lr=lr)
    return net, steps


def loaders_for(points: int, bs: int):
    learn_from, check_on = Friedman(points, 1.0, seed=4), Friedman(points // 4, 0.0, seed=5)
    return DataLoader(learn_from, bs, shuffle=True), DataLoader(check_on, 4 * bs)


def run(device, epochs, gap, bs, points=960, units=56, p=0.05, lr=0.004):
    net, steps = net_and_steps(units, p, lr)
    job = Trainer(net, steps, loaders_for(points, bs), device, Path("friedman.snap"), gap)
    job.fit(epochs)


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--epochs", type=int, default=5)
    cli.add_argument("--gap", type=int, default=2, help="epochs from one snapshot to the next")
    cli.add_argument("--bs", type=int, default=32, help="points in a step")
    got = cli.parse_args()
    run("cuda" if torch.cuda.is_available() else "cpu", got.epochs, got.gap, got.bs)
