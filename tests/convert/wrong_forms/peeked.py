"""A batch that is looked at first, an order that each epoch draws, and a loop that is left at its top."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
x0, y0 = next(iter(train_loader))
print(x0.shape)
model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(2):
    order = torch.randperm(4)
    for i, (xb, yb) in enumerate(train_loader):
        if i >= 3:
            break
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb[:, order]), yb)
        loss.backward()
        optimizer.step()
