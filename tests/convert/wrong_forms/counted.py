"""Steps that are counted by hand, each of two micro batches that a function draws."""

import torch
from torch import nn

STEPS = 8

x = torch.randn(100, 4)
y = x.sum(1, keepdim=True)


def get_batch():
    ix = torch.randint(len(x), (8,))
    return x[ix], y[ix]


model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
step = 0
while step < STEPS:
    optimizer.zero_grad()
    for micro in range(2):
        xb, yb = get_batch()
        loss = nn.functional.mse_loss(model(xb), yb) / 2
        loss.backward()
    optimizer.step()
    step += 1
