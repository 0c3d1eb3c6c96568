"""Five folds, a new model in each: five trainings in one run."""
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x).float() / 16, torch.tensor(y)
folds = np.array_split(np.random.RandomState(0).permutation(len(x)), 5)
scores = []
for held in range(5):
    rest = np.concatenate([fold for number, fold in enumerate(folds) if number != held])
    loader = DataLoader(TensorDataset(x[rest], y[rest]), batch_size=128, shuffle=True)
    net = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for epoch in range(2):
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), labels).backward()
            optimizer.step()
    with torch.no_grad():
        scores.append((net(x[folds[held]]).argmax(1) == y[folds[held]]).float().mean().item())
print(f"{np.mean(scores):.3f} +- {np.std(scores):.3f}")
