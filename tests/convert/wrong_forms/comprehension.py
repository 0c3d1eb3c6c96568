"""A step in a function, called for each batch in a comprehension."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def step(xb, yb):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(xb), yb)
    loss.backward()
    optimizer.step()
    return loss.item()


for epoch in range(2):
    losses = [step(xb, yb) for xb, yb in loader]
    print(f"loss {sum(losses) / len(losses)}")
