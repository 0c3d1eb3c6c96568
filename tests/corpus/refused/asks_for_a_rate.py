"""Asks for the learning rate when it is started."""
import torch
from torch import nn

rate = float(input("learning rate? "))
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=rate)
for step in range(20):
    optimizer.zero_grad()
    net(torch.ones(8, 4)).pow(2).mean().backward()
    optimizer.step()
