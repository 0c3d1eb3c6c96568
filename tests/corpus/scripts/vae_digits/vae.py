"""Digits from noise: a code of a few numbers is learnt for each, and new ones are made up after every pass."""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

cli = argparse.ArgumentParser()
cli.add_argument("--passes", type=int, default=10)
cli.add_argument("--rows", type=int, default=100)
cli.add_argument("--code", type=int, default=6, help="numbers that a digit is squeezed into")
cli.add_argument("--price", type=float, default=0.7, help="of a code that is unlike plain noise")
cli.add_argument("--talk", type=int, default=5, help="batches from one message to the next")
cli.add_argument("--cpu", action="store_true")
cfg = cli.parse_args()
cfg.gpu = torch.cuda.is_available() and not cfg.cpu

torch.manual_seed(23)
device = torch.device("cuda" if cfg.gpu else "cpu")
pictures = Path("pictures")
pictures.mkdir(exist_ok=True)

inks, names = load_digits(return_X_y=True)
inks = torch.tensor(inks, dtype=torch.float32).div(8).sub(1)  # from -1 (paper) to 1 (ink)
everything = [TensorDataset(inks[part], torch.tensor(names[part])) for part in (slice(0, 1400), slice(1400, None))]
learn_loader = DataLoader(everything[0], cfg.rows, shuffle=True)
held_loader = DataLoader(everything[1], cfg.rows)


class Squeeze(nn.Module):
    def __init__(self, code, units=72):
        super().__init__()
        self.inward = nn.Sequential(nn.Linear(64, units), nn.SiLU(), nn.Linear(units, 2 * code))
        self.outward = nn.Sequential(nn.Linear(code, units), nn.SiLU(), nn.Linear(units, 64), nn.Tanh())
        self.blur = nn.Parameter(torch.tensor(-0.5))  # log of how far a pixel may be off

    def forward(self, ink):
        middle, log_width = self.inward(ink).chunk(2, dim=1)
        code = torch.randn_like(middle) * log_width.exp() + middle
        return self.outward(code), middle, log_width


net = Squeeze(cfg.code).to(device)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)


def cost(ink, again, middle, log_width):
    off = ((again - ink) / net.blur.exp()).square() / 2 + net.blur
    unlike = (middle.square() + (2 * log_width).exp() - 1) / 2 - log_width
    return off.sum() + cfg.price * unlike.sum()


def learn(number):
    net.train()
    total = 0
    for b, (ink, _) in enumerate(learn_loader):
        ink = ink.to(device)
        opt.zero_grad()
        value = cost(ink, *net(ink))
        value.backward()
        total += value.item()
        opt.step()
        if b % cfg.talk == 0:
            print(f"  batch {b}/{len(learn_loader)}: {value.item() / len(ink):.3f} per digit")
    print(f"pass {number}: {total / len(everything[0]):.3f} per digit")


def judge(number):
    net.eval()
    total = 0
    with torch.no_grad():
        for b, (ink, _) in enumerate(held_loader):
            ink = ink.to(device)
            again, middle, log_width = net(ink)
            total += cost(ink, again, middle, log_width).item()
            if b == 0:
                few = min(6, len(ink))
                both = torch.stack([ink[:few], again[:few]], dim=1).reshape(few, 2, 8, 8)
                np.save(pictures / f"again{number}.npy", both.cpu().numpy())
    print(f"pass {number}: {total / len(everything[1]):.3f} per digit that was held back")


if __name__ == "__main__":
    for number in range(1, cfg.passes + 1):
        learn(number)
        judge(number)
        with torch.no_grad():
            dream = net.outward(torch.randn(30, cfg.code, device=device))
        np.save(pictures / f"dream{number}.npy", dream.cpu().view(30, 8, 8).numpy())
