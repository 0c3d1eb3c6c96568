"""Phases of one loop, each with its loader."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(60, 8)
y = x.sum(1, keepdim=True)
loaders = {
    "train": DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True),
    "val": DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10),
}
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(2):
    for phase in ("train", "val"):
        if phase == "train":
            model.train()
        else:
            model.eval()
        total = 0.0
        for xb, yb in loaders[phase]:
            if phase == "train":
                xb = xb + 0.1 * torch.randn_like(xb)
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                loss = criterion(model(xb), yb)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            total += loss.item()
        print(f"{phase} loss {total}")
