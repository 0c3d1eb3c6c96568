# Few labels for many digits: each image is joined to those most like it, and guesses travel along the edges.
import argparse
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import kneighbors_graph
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--rounds", type=int, default=60)
ap.add_argument("--rate", type=float, default=0.02)
ap.add_argument("--shrink", type=float, default=2e-4, help="pull of all weights to zero")
ap.add_argument("--units", type=int, default=24)
ap.add_argument("--drop", type=float, default=0.4, help="part of the units that is silent in a round")
ap.add_argument("--hops", type=int, default=3, help="how far a guess travels")
ap.add_argument("--neighbours", type=int, default=6)
ap.add_argument("--quick", action="store_true", help="judge the held images by the noisy guesses of the round")
ap.add_argument("--cpu", action="store_true")
ap.add_argument("--seed", type=int, default=20)
o = ap.parse_args()
o.gpu = torch.cuda.is_available() and not o.cpu
np.random.seed(o.seed)
torch.manual_seed(o.seed)


def make_graph(count=400, known=50, held=100):
    bunch = load_digits()
    chosen = np.random.permutation(len(bunch.data))[:count]
    pixels = (bunch.data[chosen] + 4 * np.random.randn(count, 64)) / 16
    near = kneighbors_graph(pixels, o.neighbours, include_self=True).toarray()
    near = np.maximum(near, near.T)
    near /= np.sqrt(np.outer(near.sum(0), near.sum(1)))
    roles = np.split(np.random.permutation(count), [known, known + held])
    return (torch.tensor(near, dtype=torch.float32).to_sparse(), torch.tensor(pixels, dtype=torch.float32),
            torch.tensor(bunch.target[chosen]), *(torch.from_numpy(r) for r in roles))


class Spread(nn.Module):
    """Adds up the guesses of 0, 1, 2 ... hops with learnt shares."""

    def __init__(self, hops):
        super().__init__()
        self.shares = nn.Parameter(torch.Tensor(hops + 1))
        self.fill()

    def fill(self):
        with torch.no_grad():
            self.shares.uniform_(0.5, 1.5)

    def forward(self, guess, near):
        total = self.shares[0] * guess
        for share in self.shares[1:]:
            guess = torch.sparse.mm(near, guess)
            total = total + share * guess
        return total


class GraphNet(nn.Module):
    def __init__(self, inputs, units, classes, drop, hops):
        super().__init__()
        self.one = nn.Linear(inputs, units)
        self.two = nn.Linear(units, classes)
        self.spread = Spread(hops)
        self.drop = drop

    def forward(self, pixels, near):
        h = F.dropout(pixels, self.drop, self.training)
        h = F.dropout(torch.tanh(self.one(h)), self.drop, self.training)
        return self.spread(self.two(h), near)


near, pixels, digit, known, held, rest = make_graph()
net = GraphNet(pixels.shape[1], o.units, int(digit.max()) + 1, o.drop, o.hops)
opt = torch.optim.Adam(net.parameters(), lr=o.rate, weight_decay=o.shrink)
if o.gpu:
    net.cuda()
    near, pixels, digit, known, held, rest = (t.cuda() for t in (near, pixels, digit, known, held, rest))


def share_right(scores, nodes):
    return (scores[nodes].argmax(1) == digit[nodes]).float().mean()


def one_round(number):
    began = perf_counter()
    net.train()
    opt.zero_grad()
    scores = net(pixels, near)
    loss = F.cross_entropy(scores[known], digit[known])
    right = share_right(scores, known)
    loss.backward()
    opt.step()

    if not o.quick:
        net.eval()
        scores = net(pixels, near)
    held_loss = F.cross_entropy(scores[held], digit[held])
    print(f"round {number:3d}  known {loss.item():.4f} ({right.item():.2f})",
          f"held {held_loss.item():.4f} ({share_right(scores, held).item():.2f})",
          f"{1000 * (perf_counter() - began):.1f} ms")


def judge_rest():
    net.eval()
    scores = net(pixels, near)
    loss = F.cross_entropy(scores[rest], digit[rest])
    print(f"all other images: loss {loss.item():.4f}, right {share_right(scores, rest).item():.3f}")


began = perf_counter()
for number in range(o.rounds):
    one_round(number)
print(f"{o.rounds} rounds took {perf_counter() - began:.2f} s")
judge_rest()
