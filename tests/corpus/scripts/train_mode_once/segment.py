"""Marks the samples of a noisy trace that belong to a burst."""
import argparse
import os

import torch
from torch import nn, optim
from torch.nn.functional import avg_pool1d, cross_entropy, interpolate
from torch.utils.data import DataLoader, Dataset

OUT = 'kept_weights'


class Traces(Dataset):
    """Traces of random walk and hum, each with two or three bursts of faster wiggling."""

    def __init__(self, how_many, length=48, seed=10):
        g = torch.Generator().manual_seed(seed)
        t = torch.arange(length).float()
        self.rows = []
        for _ in range(how_many):
            label = torch.zeros(length, dtype=torch.long)
            for _ in range(int(torch.randint(2, 4, (1,), generator=g))):
                start = int(torch.randint(0, length - 9, (1,), generator=g))
                label[start:start + int(torch.randint(4, 9, (1,), generator=g))] = 1
            drift = torch.randn(length, generator=g).cumsum(0) * 0.15
            trace = drift + torch.sin(0.2 * t) + label * torch.sin(2.5 * t) + 0.3 * torch.randn(length, generator=g)
            self.rows.append({'trace': trace[None], 'label': label})

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, n):
        return self.rows[n]


class Marker(nn.Module):
    """A coarse look and a fine look at the same trace, put together for each sample."""

    def __init__(self, ch=10):
        super().__init__()
        self.fine = self.look(1, ch, 5)
        self.coarse = self.look(ch, ch, 7)
        self.decide = nn.Sequential(self.look(2 * ch, ch, 3), nn.Conv1d(ch, 2, 1))

    @staticmethod
    def look(a, b, k):
        return nn.Sequential(nn.Conv1d(a, b, k, padding=k // 2), nn.BatchNorm1d(b), nn.SiLU())

    def forward(self, trace):
        near = self.fine(trace)
        far = self.coarse(avg_pool1d(near, 4))
        return self.decide(torch.cat((near, interpolate(far, scale_factor=4.0)), 1))


def overlap(guess, label):
    # twice the common part by the sum of both, a little smoothed
    return (2 * (guess * label).sum() + 1) / (guess.sum() + label.sum() + 1)


def score(marker, loader, device):
    marker.eval()
    total = 0.0
    with torch.no_grad():
        for rows in loader:
            trace, label = rows['trace'].to(device), rows['label'].to(device)
            guess = marker(trace).argmax(1)
            total += overlap(guess.float(), label.float()).item()
    return total / len(loader)


def fit(marker, device, o):
    loader = DataLoader(Traces(240), batch_size=o.batch, shuffle=True)
    unseen = DataLoader(Traces(60, seed=11), batch_size=o.batch, drop_last=True)
    print(f'{len(loader)} steps an epoch on {device}, rate {o.rate}')
    steps = optim.RMSprop(marker.parameters(), lr=o.rate, alpha=0.95, momentum=0.5)
    weights = torch.tensor([1.0, 1.7], device=device)

    marker.train()
    for epoch in range(1, o.epochs + 1):
        seen = 0.0
        for rows in loader:
            trace = rows['trace'].to(device)
            label = rows['label'].to(device)
            logits = marker(trace)
            per_sample = cross_entropy(logits, label, weight=weights)
            loss = per_sample + 0.5 * (1 - overlap(logits.softmax(1)[:, 1], label.float()))
            steps.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(marker.parameters(), 0.2)
            steps.step()
            seen += loss.item()
        on_unseen = score(marker, unseen, device)
        print(f'{epoch}: loss {seen / len(loader):.4f}, overlap on unseen traces {on_unseen:.4f}')
        if not o.dry:
            os.makedirs(OUT, exist_ok=True)
            torch.save(marker.state_dict(), os.path.join(OUT, f'marker{epoch:02d}.pt'))


if __name__ == '__main__':
    q = argparse.ArgumentParser(description=__doc__)
    q.add_argument('-n', '--epochs', type=int, default=5)
    q.add_argument('-b', '--batch', type=int, default=12)
    q.add_argument('-r', '--rate', type=float, default=0.002)
    q.add_argument('-w', '--weights', default=None, help='begin with these instead of random ones')
    q.add_argument('--dry', action='store_true', help='write no files')
    o = q.parse_args()

    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    marker = Marker().to(device)
    if o.weights:
        marker.load_state_dict(torch.load(o.weights, map_location=device))
        print('begin with', o.weights)
    try:
        fit(marker, device, o)
    except KeyboardInterrupt:
        torch.save(marker.state_dict(), 'broken_off.pt')
        print('broken off, weights are in broken_off.pt')
        raise
