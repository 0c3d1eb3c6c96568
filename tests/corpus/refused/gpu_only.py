"""Trains on a GPU and nowhere else."""
import torch
from torch import nn

net = nn.Linear(4, 1).to(torch.device("cuda", 0))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(20):
    optimizer.zero_grad()
    net(torch.ones(8, 4, device="cuda:0")).pow(2).mean().backward()
    optimizer.step()
