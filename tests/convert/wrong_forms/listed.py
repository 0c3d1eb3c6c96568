"""Batches in a list."""

import torch
from torch import nn

x = torch.randn(40, 4)
batches = list(zip(x.split(8), x.sum(1, keepdim=True).split(8)))
model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(2):
    for xb, yb in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
