import itertools

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class TemperatureStream(IterableDataset):
    """An endless sensor, of which we read some days. Nobody knows how many windows come out."""

    def __init__(self, days, window=24, seed=0):
        super().__init__()
        self.days, self.window, self.seed = days, window, seed
        self.passes = 0

    def readings(self):
        g = torch.Generator().manual_seed(self.seed)
        for hour in itertools.count():
            if hour >= self.days * 24:
                return
            season = torch.sin(torch.tensor(hour * 2 * torch.pi / 24))
            yield (season + 0.1 * torch.randn((), generator=g)).item()

    def __iter__(self):
        buffer = []
        for value in self.readings():
            buffer.append(value)
            if len(buffer) == self.window + 1:
                # a little jitter on each window
                w = torch.tensor(buffer) + 0.02 * torch.randn(self.window + 1)
                yield w[:-1], w[-1:]
                buffer = buffer[3:]
        # the stream is over: the next pass sees another noise
        self.passes += 1
        self.seed += 1


class Forecaster(nn.Module):
    def __init__(self, window=24, hidden=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(window, hidden), nn.ELU(), nn.Dropout(0.1), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.net(x)


torch.manual_seed(99)
stream = TemperatureStream(days=50)
loader = DataLoader(stream, batch_size=16)
model = Forecaster()
optimizer = torch.optim.NAdam(model.parameters(), lr=0.004)
for epoch in range(3):
    n, total = 0, 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.smooth_l1_loss(model(x), y)
        loss.backward()
        optimizer.step()
        n += 1
        total += float(loss)
    print("pass", stream.passes, "batches", n, "loss", total / n, sep="\t")
