# A recurrent cell is fitted to sine curves of several lengths all at once, then it continues curves it has not seen.
import argparse
import math

import numpy as np
import torch
from torch import nn


class Carry(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.start = nn.Parameter(torch.zeros(units))
        self.cell = nn.GRUCell(1, units)
        self.read = nn.Linear(units, 1)

    def forward(self, curve, beyond=0):
        state = self.start.expand(len(curve), -1)
        guesses = []
        for t in range(curve.shape[1] + beyond):
            # past the end it lives on its own guesses
            value = curve[:, t:t + 1] if t < curve.shape[1] else guesses[-1]
            state = self.cell(value, state)
            guesses.append(value + self.read(state))
        return torch.cat(guesses, 1)


def sines(count, points):
    length = np.random.uniform(8, 16, (count, 1))
    shift = np.random.uniform(0, 2 * math.pi, (count, 1))
    return torch.from_numpy(np.sin(2 * math.pi * np.arange(points) / length + shift))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--fits", type=int, default=12, help="calls of LBFGS, each looks several times")
    p.add_argument("--units", type=int, default=10)
    a = p.parse_args()
    np.random.seed(4)
    torch.manual_seed(4)
    curves, unseen = sines(20, 30), sines(4, 30)
    cell = Carry(a.units)
    cell.double()
    squared = nn.MSELoss()
    solver = torch.optim.LBFGS(cell.parameters(), lr=0.7, max_iter=6, history_size=8)
    for fit in range(a.fits):

        def look():
            solver.zero_grad()
            off = squared(cell(curves[:, :-1]), curves[:, 1:])
            print(f"  off by {off.item():.6f}")
            off.backward()
            return off

        solver.step(look)
        with torch.no_grad():
            beyond = 25
            path = cell(unseen[:, :-1], beyond=beyond)
            off = squared(path[:, :-beyond], unseen[:, 1:])
            print(f"fit {fit}: unseen curves off by {off.item():.6f}, farthest guess {path.abs().max().item():.2f}")
        np.save(f"path{fit:02d}.npy", path.numpy())
