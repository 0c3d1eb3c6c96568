"""Data split before the model, a scheduler per epoch, a clip, an evaluation by sums, a test of the best weights."""

import argparse

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.first = nn.Linear(8, hidden)
        self.dropout = nn.Dropout(0.2)
        self.second = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.second(self.dropout(torch.relu(self.first(x))))


parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--hidden", type=int, default=6)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--clip", type=float, default=0.5)
parser.add_argument("--noise", action="store_true")
args = parser.parse_args()
args.lr = args.lr * 2

torch.manual_seed(7)
x = torch.randn(70, 8)
y = x.sum(1, keepdim=True)
train_set, val_set, test_set = random_split(TensorDataset(x, y), [40, 20, 10])
train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
val_loader = DataLoader(val_set, batch_size=10)
test_loader = DataLoader(test_set, batch_size=10)
model = Net(args.hidden)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

best = float("inf")
for epoch in range(args.epochs):
    model.train()
    for xb, yb in train_loader:
        if args.noise:
            xb = xb + 0.1 * torch.randn_like(xb)
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
    scheduler.step()
    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            val_loss += criterion(model(xb), yb).item() * len(xb)
    val_loss /= len(val_loader.dataset)
    print(f"epoch {epoch} val loss {val_loss:.4f}")
    if val_loss < best:
        best = val_loss
        torch.save(model.state_dict(), "best.pt")

model.load_state_dict(torch.load("best.pt"))
model.eval()
error = 0.0
with torch.no_grad():
    for xb, yb in test_loader:
        error += (model(xb) - yb).abs().sum().item()
print("test error", error / 10)
