"""A teacher that is made first, gradients that are accumulated as the Trainer does it, and an evaluation in a list."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(60, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
teacher = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
teacher.eval()
student = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.Adam(student.parameters(), lr=0.01)
for epoch in range(2):
    student.train()
    for i, (xb, yb) in enumerate(train_loader):
        with torch.no_grad():
            wanted = teacher(xb)
        loss = nn.functional.mse_loss(student(xb), yb + 0.1 * wanted)
        (loss / 2).backward()
        if (i + 1) % 2 == 0 or i + 1 == len(train_loader):
            optimizer.step()
            optimizer.zero_grad()
    student.eval()
    with torch.no_grad():
        losses = [nn.functional.mse_loss(student(xb), yb).item() for xb, yb in val_loader]
    print(f"val loss {sum(losses) / len(losses):.4f}")
