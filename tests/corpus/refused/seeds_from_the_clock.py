"""A perceptron on digits that is another one each time it is started."""
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

order = torch.Generator().manual_seed(time.time_ns() % 2**31)
x, y = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(x).float() / 16, torch.tensor(y))
loader = DataLoader(data, batch_size=64, shuffle=True, generator=order)
net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
