"""One function for training and evaluation, an evaluation before training, a plateau, and a training that ends itself."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCH = 8
PATIENCE = 2

torch.manual_seed(3)
x = torch.randn(45, 8)
y = x.sum(1, keepdim=True)
y[44] += 8.0
train_loader = DataLoader(TensorDataset(x[:24], y[:24]), BATCH, shuffle=True)
val_loader = DataLoader(TensorDataset(x[24:], y[24:]), batch_size=20)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)


def run(loader, train):
    model.train(train)
    total, count = 0.0, 0
    with torch.set_grad_enabled(train):
        for xb, yb in loader:
            if train:
                xb = xb + 0.1 * torch.randn_like(xb)
            loss = criterion(model(xb), yb)
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(xb)
            count += len(xb)
    return total / count


best, bad = float("inf"), 0
print("before", run(val_loader, False))
for epoch in range(20):
    run(train_loader, True)
    val_loss = run(val_loader, False)
    print(f"val loss {val_loss:.4f}")
    scheduler.step(val_loss)
    if val_loss < best:
        best, bad = val_loss, 0
        torch.save(model.state_dict(), "best.pt")
    else:
        bad += 1
        if bad >= PATIENCE:
            break
