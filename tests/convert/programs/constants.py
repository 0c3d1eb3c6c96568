# Everything at the top level, with constants.
import random
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split
from tqdm import tqdm

SEED = 7
BATCH = 32
EPOCHS = 4
WIDTH, DEPTH = 24, 2
MAX_NORM = 0.5

random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

device = 'cuda' if torch.cuda.is_available() else 'cpu'

X, y = make_moons(400, noise=0.2, random_state=0)
X = torch.from_numpy(X).float()
y = torch.from_numpy(y).long()
full = TensorDataset(X, y)
n_val = int(0.2 * len(full))
train_set, val_set = random_split(full, [len(full) - n_val, n_val])
train_dl = DataLoader(train_set, batch_size=BATCH, shuffle=True, drop_last=True)
val_dl = DataLoader(val_set, batch_size=BATCH)

# a small MLP
layers = [nn.Linear(2, WIDTH), nn.ReLU()]
for _ in range(DEPTH):
    layers += [nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Dropout(0.1)]
layers.append(nn.Linear(WIDTH, 2))
model = nn.Sequential(*layers)
model.to(device)

loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
opt = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
sched = optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, total_steps=EPOCHS * 10)

best = 0.0
for epoch in range(EPOCHS):
    model.train()
    running = 0.0
    bar = tqdm(train_dl, desc=f'epoch {epoch}')
    for i, (xb, yb) in enumerate(bar):
        xb = xb.to(device)
        yb = yb.to(device)
        opt.zero_grad()
        logits = model(xb)
        loss = loss_fn(logits, yb)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        opt.step()
        sched.step()
        running += loss.item() * len(xb)
        bar.set_postfix(loss=loss.item())

    model.eval()
    hits, seen = 0, 0
    with torch.no_grad():
        for xb, yb in val_dl:
            xb, yb = xb.to(device), yb.to(device)
            hits += (model(xb).argmax(1) == yb).sum().item()
            seen += len(yb)
    acc = hits / seen
    print(f"epoch {epoch}: train loss {running / len(train_set):.4f}  val accuracy {acc:.3f}")
    if acc > best:
        best = acc
        torch.save(model.state_dict(), 'best.pt')
print('best', best)
