"""A generator and a discriminator, each with an optimizer, and noise that is drawn for each of them."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

real = torch.randn(40, 2) + 3
loader = DataLoader(TensorDataset(real), batch_size=8, shuffle=True)
G = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
D = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=0.01)
opt_d = torch.optim.Adam(D.parameters(), lr=0.02)
for epoch in range(2):
    for (xb,) in loader:
        opt_d.zero_grad()
        fake = G(torch.randn(len(xb), 4))
        loss_d = F.softplus(-D(xb)).mean() + F.softplus(D(fake.detach())).mean()
        loss_d.backward()
        opt_d.step()
        opt_g.zero_grad()
        loss_g = F.softplus(-D(fake)).mean()
        loss_g.backward()
        opt_g.step()
