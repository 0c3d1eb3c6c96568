import copy
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    """Stops when the validation loss has not improved for `patience` epochs."""

    def __init__(self, patience=3, min_delta=0.0, path="checkpoint.pt"):
        self.patience = patience
        self.min_delta = min_delta
        self.path = path
        self.counter = 0
        self.best_loss = None
        self.early_stop = False

    def __call__(self, val_loss, model):
        if self.best_loss is None or val_loss < self.best_loss - self.min_delta:
            self.best_loss = val_loss
            self.counter = 0
            torch.save(model.state_dict(), self.path)
        else:
            self.counter += 1
            print(f"EarlyStopping counter: {self.counter} out of {self.patience}")
            if self.counter >= self.patience:
                self.early_stop = True


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
    stopper = EarlyStopping(patience=2)
    best_acc, best_weights = 0.0, None

    for epoch in range(12):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run_epoch(model, val_loader, criterion)
        print(f"epoch {epoch:02d} | train {train_loss:.3f} {train_acc:.3f} | val {val_loss:.3f} {val_acc:.3f}")
        if val_acc > best_acc:
            best_acc = val_acc
            best_weights = copy.deepcopy(model.state_dict())
        stopper(val_loss, model)
        if stopper.early_stop:
            print("Early stopping")
            break

    # load the last checkpoint with the best model
    model.load_state_dict(torch.load("checkpoint.pt"))
    test_loss, test_acc = run_epoch(model, test_loader, criterion)
    print(f"test (lowest loss): {test_loss:.3f} {test_acc:.3f}")
    model.load_state_dict(best_weights)
    print("test (best accuracy): {:.3f} {:.3f}".format(*run_epoch(model, test_loader, criterion)))
