"""Groups of parameters clipped together, a rate per step, a weighted loss, an average of the weights, a shift per epoch."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 2
CLASSES = ["low", "middle", "high"]
INDEX = {name: number for number, name in enumerate(CLASSES)}


def warm_up(step):
    return min(1.0, (step + 1) / 8)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
x = torch.randn(40, 8)
y = torch.tensor([INDEX["high" if total > 2 else "low" if total < -2 else "middle"] for total in x.sum(1).tolist()])
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, len(CLASSES)))
model[3].bias.data.fill_(0.1)
model.to(device)
average = copy.deepcopy(model)
weight = torch.tensor([1.0, 0.5, 1.0]).to(device)
groups = [
    {"params": model[3].parameters(), "lr": 0.3},
    {"params": model[1].parameters()},
    {"params": model[0].parameters(), "weight_decay": 0.5},
]
optimizer = torch.optim.SGD(groups, lr=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up)
for epoch in range(EPOCHS):
    shift = 0.1 * (epoch + 1)
    for xb, yb in loader:
        xb, yb = xb.to(device), yb.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb + shift), yb, weight=weight)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean.mul_(0.9).add_(value, alpha=0.1)
    with torch.no_grad():
        score = average(x).mean().item()
    print("score", score)
