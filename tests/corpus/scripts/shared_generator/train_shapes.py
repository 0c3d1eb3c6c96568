"""
One torch.Generator decides the split and the order of both loaders, so that dropout cannot change the order.
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

CFG = {
    "seed": 17,
    "batch_size": 48,
    "lr": 2e-3,
    "epochs": 2,
    "val_fraction": 0.2,
}

torch.manual_seed(CFG["seed"])
g = torch.Generator()
g.manual_seed(CFG["seed"])

digits = load_digits()
full = TensorDataset(torch.tensor(digits.data).float() / 16, torch.tensor(digits.target))
n_val = int(len(full) * CFG["val_fraction"])
train_set, val_set = random_split(full, [len(full) - n_val, n_val], generator=g)

train_loader = DataLoader(train_set, batch_size=CFG["batch_size"], shuffle=True, generator=g)
val_loader = DataLoader(val_set, batch_size=120, shuffle=True, generator=g)

model = nn.Sequential(nn.Linear(64, 96), nn.SiLU(), nn.Dropout(0.25), nn.Linear(96, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=CFG["lr"])
loss_fn = nn.CrossEntropyLoss()

for epoch in range(CFG["epochs"]):
    model.train()
    train_losses = []
    for features, classes in train_loader:
        loss = loss_fn(model(features), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_losses.append(loss.item())

    model.eval()
    val_losses, n_right = [], 0
    with torch.no_grad():
        for features, classes in val_loader:
            scores = model(features)
            val_losses.append(loss_fn(scores, classes).item())
            n_right += (scores.argmax(dim=-1) == classes).sum().item()

    print(
        f"epoch {epoch}:",
        f"train {sum(train_losses) / len(train_losses):.4f}",
        f"val {sum(val_losses) / len(val_losses):.4f}",
        f"acc {n_right / n_val:.3f}",
        sep="  ",
    )
