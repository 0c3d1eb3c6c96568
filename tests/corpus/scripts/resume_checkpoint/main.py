"""Tell five kinds of short vibration recordings apart. Can be stopped and continued at any epoch."""
import argparse
import math
import os
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

KINDS = ['tone', 'rising', 'falling', 'beating', 'clicks']
LENGTH = 64

cli = argparse.ArgumentParser()
cli.add_argument('--epochs', type=int, default=40)
cli.add_argument('--first-epoch', type=int, default=0, help='where to count from; --continue-from sets it')
cli.add_argument('--batch', type=int, default=48)
cli.add_argument('--rate', type=float, default=0.08, help='step size before any halving')
cli.add_argument('--halve-every', type=int, default=3, help='epochs between two halvings of the step size')
cli.add_argument('--inertia', type=float, default=0.85)
cli.add_argument('--shrink', type=float, default=5e-4, help='L2 penalty')
cli.add_argument('--tell-every', type=int, default=7, help='batches between two lines of output')
cli.add_argument('--continue-from', metavar='FILE', help='a state that an earlier run wrote')
cli.add_argument('--only-test', action='store_true', help='score the held-out recordings and stop')
cli.add_argument('--seed', type=int)

top_score = 0.0  # share of held-out recordings that were right, the best so far


def recordings(count, seed):
    dice = torch.Generator().manual_seed(seed)
    kinds = torch.randint(len(KINDS), (count,), generator=dice)
    freq = 3 + 5 * torch.rand(count, 1, generator=dice)
    phase = 2 * math.pi * torch.rand(count, 1, generator=dice)
    t = torch.linspace(0, 1, LENGTH).expand(count, LENGTH)
    angle = 2 * math.pi * freq * t
    waves = torch.stack([
        torch.sin(angle + phase),
        torch.sin(angle * (1 + t) + phase),
        torch.sin(angle * (2 - t) + phase),
        torch.sin(angle + phase) * torch.cos(0.3 * angle),
        torch.sin(angle + phase).pow(15),
    ])
    clean = waves[kinds, torch.arange(count)]
    noise = 0.5 * torch.randn(count, LENGTH, generator=dice)
    return TensorDataset((clean + noise)[:, None], kinds)


class Listener(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.ears = nn.Conv1d(1, width, 7, padding=3, stride=2)
        self.calm = nn.BatchNorm1d(width)
        self.inner = nn.Conv1d(width, 2 * width, 5, padding=2, stride=2)
        self.calm2 = nn.BatchNorm1d(2 * width)
        self.verdict = nn.Linear(4 * width, len(KINDS))

    def forward(self, wave):
        h = torch.relu(self.calm(self.ears(wave)))
        h = torch.relu(self.calm2(self.inner(h)))
        return self.verdict(torch.cat([h.mean(-1), h.amax(-1)], dim=1))


class Mean:
    """A mean over batches of unequal size, that can show itself."""

    def __init__(self, label, digits=3):
        self.label, self.digits = label, digits
        self.weight = self.weighted = self.last = 0.0

    def add(self, value, weight):
        self.last = float(value)
        self.weighted += self.last * weight
        self.weight += weight

    @property
    def value(self):
        return self.weighted / max(self.weight, 1)

    def __str__(self):
        return f'{self.label} {self.last:.{self.digits}f} (so far {self.value:.{self.digits}f})'


def right_within(scores, kinds, guesses):
    """The share of rows whose true kind is among the first so many guesses, for each number of guesses."""
    with torch.no_grad():
        ranks = (scores > scores.gather(1, kinds[:, None])).sum(1)
        return [(ranks < n).float().mean() for n in guesses]


def set_rate(optimizer, epoch, cfg):
    rate = cfg.rate / 2 ** (epoch // cfg.halve_every)
    for g in optimizer.param_groups:
        g['lr'] = rate
    return rate


def learn(loader, net, objective, optimizer, epoch, device, cfg):
    waiting, cost = Mean('wait ms', 1), Mean('cost')
    first, two = Mean('first guess'), Mean('two guesses')
    net.train()
    clock = time.perf_counter()
    for step, (wave, kind) in enumerate(loader, start=1):
        waiting.add(1000 * (time.perf_counter() - clock), 1)
        wave, kind = wave.to(device), kind.to(device)

        scores = net(wave)
        value = objective(scores, kind)
        one, both = right_within(scores, kind, (1, 2))
        cost.add(value.item(), len(wave))
        first.add(one, len(wave))
        two.add(both, len(wave))

        optimizer.zero_grad()
        value.backward()
        optimizer.step()

        if step % cfg.tell_every == 1:
            print(f'{epoch:3d}, {step} of {len(loader)}', waiting, cost, first, two, sep=' | ')
        clock = time.perf_counter()


def judge(loader, net, objective, device):
    cost, first, two = Mean('cost'), Mean('first guess'), Mean('two guesses')
    net.eval()
    with torch.no_grad():
        for wave, kind in loader:
            wave, kind = wave.to(device), kind.to(device)
            scores = net(wave)
            cost.add(objective(scores, kind).item(), len(wave))
            one, both = right_within(scores, kind, (1, 2))
            first.add(one, len(wave))
            two.add(both, len(wave))
    print(f'    held out: cost {cost.value:.4f}, right {first.value:.1%}, within two {two.value:.1%}')
    return first.value


def keep(state, also_as_best):
    torch.save(state, 'last.state')
    if also_as_best:
        torch.save(state, 'best.state')


def main():
    global top_score
    cfg = cli.parse_args()
    if cfg.seed is not None:
        torch.manual_seed(cfg.seed)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')

    net = Listener().to(device)
    objective = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), cfg.rate, cfg.inertia, weight_decay=cfg.shrink)

    if cfg.continue_from:
        if not os.path.exists(cfg.continue_from):
            print('nothing to continue from, starting afresh:', cfg.continue_from)
        else:
            state = torch.load(cfg.continue_from, map_location=device)
            net.load_state_dict(state['net'])
            optimizer.load_state_dict(state['steps'])
            cfg.first_epoch, top_score = state['done'], state['top']
            print('continuing after', cfg.first_epoch, 'epochs')

    loader = DataLoader(recordings(1200, seed=1), cfg.batch, shuffle=True)
    held_out = DataLoader(recordings(300, seed=2), cfg.batch)

    if cfg.only_test:
        judge(held_out, net, objective, device)
        return

    for epoch in range(cfg.first_epoch, cfg.epochs):
        set_rate(optimizer, epoch, cfg)
        learn(loader, net, objective, optimizer, epoch, device, cfg)
        score = judge(held_out, net, objective, device)

        record = score > top_score
        if record:
            top_score = score
        keep({'net': net.state_dict(), 'steps': optimizer.state_dict(), 'done': epoch + 1, 'top': top_score}, record)


if __name__ == '__main__':
    main()
