"""So many steps, with an evaluation now and then before the step."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

STEPS = 9

x = torch.randn(60, 8)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def score():
    model.eval()
    with torch.no_grad():
        total = sum(criterion(model(xb), yb).item() for xb, yb in val_loader)
    model.train()
    return total


step = 0
while step < STEPS:
    for xb, yb in train_loader:
        if step % 4 == 0:
            print("val loss", score())
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        step += 1
        if step >= STEPS:
            break
