"""Leaves with an exit code when a file of data is missing."""
import sys
from pathlib import Path

import torch
from torch import nn

if not Path("measurements.csv").exists():
    print("measurements.csv: not found; run prepare.py first")
    sys.exit(2)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(20):
    optimizer.zero_grad()
    net(torch.ones(8, 4)).pow(2).mean().backward()
    optimizer.step()
