"""Settings of a file, data made after the model, an evaluation in train mode, the rate by hand."""

import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader, Dataset

with open("settings.yml") as file:
    settings = yaml.safe_load(file)
PAD = -1.0
shift = PAD * 2


class Pairs(Dataset):
    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index] + shift, self.x[index].sum().reshape(1)


def build():
    net = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.3), nn.Linear(4, 1))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.1)
    return net


model = build()
criterion = nn.MSELoss()
train_loader = DataLoader(Pairs(torch.randn(40, 8)), batch_size=8, shuffle=True)
val_loader = DataLoader(Pairs(torch.randn(10, 8)), batch_size=5)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=settings["momentum"])
for epoch in range(2):
    for group in optimizer.param_groups:
        group["lr"] = 0.01 * 0.5**epoch
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    total = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            total += criterion(model(xb), yb).item()
    print(f"val loss {total}")
