"""The same evaluation before training and after each epoch, and a penalty of the training alone."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(60, 8)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.3), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def evaluate():
    model.eval()
    total = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            total += criterion(model(xb), yb).item()
    print(f"val loss {total}")


evaluate()
for epoch in range(2):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb) + 0.01 * model[0].weight.abs().sum()
        loss.backward()
        optimizer.step()
    evaluate()
