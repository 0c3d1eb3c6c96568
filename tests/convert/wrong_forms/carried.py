"""Gradients that are accumulated with the rest carried on, and clipped before backward."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for step, (xb, yb) in enumerate(loader):
        loss = nn.functional.mse_loss(model(xb), yb) / 2
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        loss.backward()
        if (step + 1) % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
