"""A head is warmed up on frozen layers, which are then set free."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

WARMUP = 2
torch.manual_seed(1)
x = torch.randn(40, 8)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 1))
for parameter in model[0].parameters():
    parameter.requires_grad = False
optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
for epoch in range(WARMUP):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"warm-up {epoch} loss {loss.item():.4f}")
for parameter in model[0].parameters():
    parameter.requires_grad = True
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
