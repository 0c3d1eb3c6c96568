"""A class of its own with a base, settings of a dict of options, a teacher that is evaluated first."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Base:
    def __init__(self, model, train_loader, val_loader, lr, epochs):
        self.model = model
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs * 5)
        self.epochs = epochs
        self.done = 0

    def loss(self, xb, yb):
        return F.mse_loss(self.model(xb), yb)

    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            total = 0.0
            for xb, yb in self.val_loader:
                total += F.mse_loss(self.model(xb), yb).item()
        self.model.train()
        return total / len(self.val_loader)


class Trainer(Base):
    def loss(self, xb, yb):
        return F.l1_loss(self.model(xb), yb)

    def train(self):
        while self.done < self.epochs:
            for xb, yb in self.train_loader:
                self.optimizer.zero_grad()
                loss = self.loss(xb, yb) * 0.5**self.done
                loss.backward()
                self.optimizer.step()
                self.scheduler.step()
            score = self.evaluate()
            print(f"val loss {score}")
            if score < 50.0:
                print("good enough")
                break
            self.done += 1


def main(lr, epochs, batch_size):
    torch.manual_seed(5)
    x = torch.randn(60, 8)
    y = x.sum(1, keepdim=True)
    train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=batch_size, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
    model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
    teacher = nn.Linear(8, 1)
    with torch.no_grad():
        print("teacher", (teacher(x) - y).abs().mean().item())
    trainer = Trainer(model, train_loader, val_loader, lr, epochs)
    trainer.train()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    main(**vars(parser.parse_args()))
