import copy
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class Watcher:
    """Remembers the lowest loss and its weights, and is over when too many epochs brought nothing."""

    def __init__(self, patience=3, least=0.0, file="lowest.pt"):
        self.patience = patience
        self.least = least
        self.file = file
        self.idle = 0
        self.lowest = None
        self.over = False

    def __call__(self, loss, model):
        if self.lowest is None or loss < self.lowest - self.least:
            self.lowest = loss
            self.idle = 0
            torch.save(model.state_dict(), self.file)
        else:
            self.idle += 1
            print(f"nothing gained in {self.idle} epochs, {self.patience} end it")
            if self.idle >= self.patience:
                self.over = True


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def loaders():
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32) / 16
    y = torch.tensor(y)
    # few samples and a big step: it will overfit soon
    y_noisy = torch.where(torch.rand(400) < 0.3, torch.randint(0, 10, (400,)), y[:400])
    return (
        DataLoader(TensorDataset(x[:400], y_noisy), batch_size=64, shuffle=True),
        DataLoader(TensorDataset(x[400:800], y[400:800]), batch_size=200),
        DataLoader(TensorDataset(x[800:], y[800:]), batch_size=200),
    )


def run_epoch(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    losses, hits, count = [], 0, 0
    for xb, yb in loader:
        with torch.set_grad_enabled(training):
            logits = model(xb)
            loss = criterion(logits, yb)
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        hits += int((logits.argmax(dim=1) == yb).sum())
        count += len(yb)
    return np.mean(losses), hits / count


if __name__ == "__main__":
    seed_everything(123)
    train_loader, val_loader, test_loader = loaders()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    watcher = Watcher(patience=2)
    best_acc, best_weights = 0.0, None

    for epoch in range(12):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run_epoch(model, val_loader, criterion)
        print(f"epoch {epoch:02d} | train {train_loss:.3f} {train_acc:.3f} | val {val_loss:.3f} {val_acc:.3f}")
        if val_acc > best_acc:
            best_acc = val_acc
            best_weights = copy.deepcopy(model.state_dict())
        watcher(val_loss, model)
        if watcher.over:
            print("that is enough")
            break

    # the weights of the lowest loss, then those of the best accuracy
    model.load_state_dict(torch.load("lowest.pt"))
    test_loss, test_acc = run_epoch(model, test_loader, criterion)
    print(f"test (lowest loss): {test_loss:.3f} {test_acc:.3f}")
    model.load_state_dict(best_weights)
    print("test (best accuracy): {:.3f} {:.3f}".format(*run_epoch(model, test_loader, criterion)))
