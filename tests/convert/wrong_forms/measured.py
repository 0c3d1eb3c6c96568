"""Numbers of an evaluation: summed by hand, of an object of torchmetrics, and of a collection of them."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

torch.manual_seed(3)
x = torch.randn(70, 6)
y = (x[:, 0] > 0).long() + (x[:, 1] > 1).long()
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=8)
net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
val_acc = MulticlassAccuracy(3, average="micro")
scores = MetricCollection({"macro": MulticlassAccuracy(3), "f1": MulticlassF1Score(3)})

for epoch in range(2):
    net.train()
    for rows, labels in train_loader:
        loss = nn.functional.cross_entropy(net(rows), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    total = 0.0
    with torch.no_grad():
        for rows, labels in val_loader:
            guess = net(rows)
            total += nn.functional.cross_entropy(guess, labels, reduction="sum").item()
            val_acc.update(guess, labels)
            scores.update(guess, labels)
    print(f"epoch {epoch}: val loss {total / 30:.4f}, accuracy {100 * val_acc.compute().item():.2f}%")
    print(scores.compute())
    val_acc.reset()
    scores.reset()
