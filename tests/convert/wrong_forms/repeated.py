"""Accelerate: losses that are repeated for each row and gathered, and numbers that are given to trackers."""

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

accelerator = Accelerator(cpu=True)
torch.manual_seed(5)
x = torch.randn(66, 6)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=8)
net = nn.Linear(6, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net, optimizer, train_loader, val_loader = accelerator.prepare(net, optimizer, train_loader, val_loader)
for epoch in range(2):
    net.train()
    for rows, goals in train_loader:
        loss = nn.functional.mse_loss(net(rows), goals)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
    net.eval()
    losses, wrong = [], []
    for rows, goals in val_loader:
        with torch.no_grad():
            loss = nn.functional.mse_loss(net(rows), goals)
        losses.append(accelerator.gather_for_metrics(loss.repeat(8)))
        wrong.append(accelerator.gather_for_metrics((net(rows) - goals).abs().detach()))
    accelerator.log({"val_loss": torch.cat(losses).mean().item()}, step=epoch)
    accelerator.print("epoch", epoch, "val error", torch.cat(wrong).mean().item())
