"""Makes up heartbeats: a judge prices curves, a maker wants high prices. The judge learns several times per turn."""
import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

p = argparse.ArgumentParser()
p.add_argument("--turns", type=int, default=40, help="how often the maker learns")
p.add_argument("--judge-first", type=int, default=3, help="how often the judge learns in a turn")
p.add_argument("--slope-price", type=float, default=8.0, help="of slopes of the judge that are not one")
p.add_argument("--rows", type=int, default=48)
p.add_argument("--width", type=int, default=16)
p.add_argument("--beat", choices=["calm", "fast", "odd"], default=None, help="one kind of beat instead of all")
a = p.parse_args()

torch.manual_seed(31)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SEED_SIZE, LONG = 10, 32


def beats(count):
    t = torch.linspace(0, 1, LONG)
    middle = 0.5 + 0.08 * torch.randn(count, 1)
    curves = torch.exp(-((t - middle) / 0.04) ** 2) - 0.3 * torch.exp(-((t - middle - 0.12) / 0.06) ** 2)
    kind = torch.arange(count) % 3
    curves[kind == 1] += curves[kind == 1].roll(LONG // 3, dims=1)
    curves[kind == 2] *= -1
    return (curves + 0.02 * torch.randn(count, LONG)).unsqueeze(1), kind


class Maker(nn.Module):
    def __init__(self):
        super().__init__()
        self.spread = nn.Linear(SEED_SIZE, a.width * LONG // 4)
        self.draw = nn.Sequential(
            nn.SiLU(), nn.ConvTranspose1d(a.width, a.width, 2, stride=2),
            nn.SiLU(), nn.ConvTranspose1d(a.width, a.width // 2, 2, stride=2),
            nn.SiLU(), nn.Conv1d(a.width // 2, 1, 5, padding=2))

    def forward(self, seeds):
        return self.draw(self.spread(seeds).view(len(seeds), a.width, -1))


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.scan = nn.Sequential(
            nn.Conv1d(1, a.width, 5, stride=2, padding=2), nn.Softplus(),
            nn.Conv1d(a.width, a.width, 5, stride=2, padding=2), nn.Softplus())
        self.price = nn.Linear(a.width * LONG // 4, 1)

    def forward(self, curves):
        return self.price(torch.flatten(self.scan(curves), 1))[:, 0]


def wrong_slope(judge, true, made):
    mix = torch.rand(len(true), 1, 1, device=device)
    between = torch.lerp(true, made, mix).requires_grad_()
    slope, = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def without_end(batches):
    while True:
        yield from batches


curves, kind = beats(1600)
if a.beat is not None:
    curves = curves[kind == ["calm", "fast", "odd"].index(a.beat)]
stream = without_end(DataLoader(curves, a.rows, shuffle=True, drop_last=True))

maker, judge = Maker().to(device), Judge().to(device)
judge_opt = torch.optim.Adam(judge.parameters(), lr=2e-3, betas=(0.0, 0.9))
maker_opt = torch.optim.Adam(maker.parameters(), lr=1e-3, betas=(0.0, 0.9))
same_seeds = torch.randn(12, SEED_SIZE, device=device)
folder = Path("curves")
folder.mkdir(exist_ok=True)

for turn in range(1, a.turns + 1):
    for w in judge.parameters():
        w.requires_grad = True
    for again in range(a.judge_first):
        true = next(stream).to(device)
        with torch.no_grad():
            made = maker(torch.randn(len(true), SEED_SIZE, device=device))
        judge.zero_grad()
        high, low = judge(true).mean(), judge(made).mean()
        judge_loss = low - high + a.slope_price * wrong_slope(judge, true, made)
        judge_loss.backward()
        judge_opt.step()
        gap = (high - low).item()

    # now the maker; the judge only passes its opinion on
    for w in judge.parameters():
        w.requires_grad = False
    maker.zero_grad()
    maker_loss = judge(maker(torch.randn(a.rows, SEED_SIZE, device=device))).mean().neg()
    maker_loss.backward()
    maker_opt.step()

    if turn % 10 == 0:
        print(f"turn {turn}: judge {judge_loss.item():+.3f}, maker {maker_loss.item():+.3f}, gap {gap:.3f}")
        with torch.no_grad():
            torch.save(maker(same_seeds).squeeze(1).cpu(), folder / f"turn{turn:04d}.pt")
