"""Mixes the rows and the columns of digits in half precision; the loss is scaled."""
import argparse
import os
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Subset, TensorDataset

flags = argparse.ArgumentParser()
flags.add_argument("--rate", type=float, default=4e-3)
flags.add_argument("--decay", type=float, default=0.02)
flags.add_argument("--size", type=int, default=60, help="digits in a batch")
flags.add_argument("--epochs", type=int, default=4)
flags.add_argument("--depth", type=int, default=2, help="how often rows and columns are mixed")
flags.add_argument("--width", type=int, default=24)
flags.add_argument("--full", action="store_true", help="stay in single precision")
flags = flags.parse_args()

half = not flags.full
device = "cuda" if torch.cuda.is_available() else "cpu"
record = 0.0

bunch = load_digits()
everything = TensorDataset(torch.tensor(bunch.images, dtype=torch.float32) / 8 - 1, torch.tensor(bunch.target))
order = torch.randperm(len(everything), generator=torch.Generator().manual_seed(12)).tolist()
batches = DataLoader(Subset(everything, order[:1380]), flags.size, shuffle=True)
others = DataLoader(Subset(everything, order[1380:]), 139)


class Mix(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.along = nn.Sequential(nn.Linear(rows, 3 * rows), nn.Mish(), nn.Linear(3 * rows, rows))
        wider = nn.Linear(width, 2 * width)
        self.across = nn.Sequential(wider, nn.Mish(), nn.Dropout(0.1), nn.Linear(2 * width, width))

    def forward(self, h):
        h = h + self.along(self.before(h).mT).mT
        return h + self.across(self.between(h))


class RowMixer(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.enter = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        self.mixes = nn.ModuleList(Mix(8, width) for _ in range(depth))
        self.leave = nn.Linear(width, 10)

    def forward(self, digit):
        h = self.enter(digit) + self.place
        for mix in self.mixes:
            h = mix(h)
        return self.leave(h.mean(1))


mixer = RowMixer(flags.depth, flags.width).to(device)
judge = nn.CrossEntropyLoss(label_smoothing=0.05)
adam = torch.optim.AdamW(mixer.parameters(), lr=flags.rate, weight_decay=flags.decay)
cosine = CosineAnnealingLR(adam, T_max=flags.epochs)
scaler = torch.amp.GradScaler(device, enabled=half)


def practice():
    mixer.train()
    cost, right, seen = 0.0, 0, 0
    for digits, names in batches:
        digits = digits.to(device)
        names = names.to(device)
        with torch.autocast(device, torch.bfloat16, enabled=half):
            votes = mixer(digits)
            loss = judge(votes, names)
        scaler.scale(loss).backward()
        scaler.step(adam)
        scaler.update()
        adam.zero_grad()

        seen += len(names)
        cost += loss.item() * len(names)
        right += int((votes.argmax(1) == names).sum())
    return cost / seen, right / seen


def exam():
    global record
    mixer.eval()
    cost, right, seen = 0.0, 0, 0
    with torch.no_grad():
        for digits, names in others:
            digits = digits.to(device)
            names = names.to(device)
            with torch.autocast(device, torch.bfloat16, enabled=half):
                votes = mixer(digits)
                loss = judge(votes, names)
            seen += len(names)
            cost += loss.item() * len(names)
            right += int((votes.argmax(1) == names).sum())

    share = right / seen
    if share > record:
        record = share
        os.makedirs("mixer", exist_ok=True)
        torch.save([mixer.state_dict(), adam.state_dict(), scaler.state_dict()], f"mixer/depth{flags.depth}.pt")
    return cost / seen, share


for epoch in range(flags.epochs):
    started = time.time()
    cost, share = practice()
    exam_cost, exam_share = exam()
    cosine.step()
    print(f"{epoch}: practice {cost:.3f} {share:.1%}, exam {exam_cost:.3f} {exam_share:.1%}", end=" ")
    print(f"in {time.time() - started:.1f} s")
