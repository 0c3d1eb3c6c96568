"""Accelerate: gradients accumulated and clipped, a rate per step, masks drawn for each batch, an evaluation."""

import math

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset


def masked(rows):
    x = torch.stack([row[0] for row in rows])
    y = torch.stack([row[1] for row in rows])
    return x * (torch.rand_like(x) > 0.2), y


accelerator = Accelerator(gradient_accumulation_steps=2, mixed_precision="bf16")
torch.manual_seed(11)
x = torch.randn(60, 8)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True, collate_fn=masked)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = AdamW(model.parameters(), lr=0.05)
epochs = 2
updates = math.ceil(len(train_loader) / accelerator.gradient_accumulation_steps) * epochs
scheduler = LambdaLR(optimizer, lambda step: max(0.0, 1 - step / updates))
model, optimizer, train_loader, val_loader, scheduler = accelerator.prepare(
    model, optimizer, train_loader, val_loader, scheduler
)
for epoch in range(epochs):
    model.train()
    for xb, yb in train_loader:
        with accelerator.accumulate(model):
            loss = criterion(model(xb), yb)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    model.eval()
    losses = []
    for xb, yb in val_loader:
        with torch.no_grad():
            loss = criterion(model(xb), yb)
        losses.append(accelerator.gather_for_metrics(loss))
    accelerator.print("val loss", torch.stack(losses).mean().item())
