import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def evaluate(model, loader):
    was_training = model.training
    model.eval()
    losses, n = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            losses += nn.functional.cross_entropy(model(x), y, reduction="sum").item()
            n += len(y)
    model.train(was_training)
    return losses / n


def run(max_epochs, eval_every, lr, batch_size, warm):
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.data))
    x = torch.tensor(digits.data[order] / 16, dtype=torch.float32)
    y = torch.tensor(digits.target[order])
    train_dl = DataLoader(TensorDataset(x[:1280], y[:1280]), batch_size=batch_size, shuffle=True, drop_last=True)
    dev_dl = DataLoader(TensorDataset(x[1280:], y[1280:]), batch_size=256)

    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.Tanh(), nn.Dropout(0.2), nn.Linear(64, 10))
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / warm))

    global_step = 0
    best = float("inf")
    model.train()
    for epoch in range(max_epochs):
        for x, y in train_dl:
            loss = nn.functional.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            global_step += 1
            if global_step % eval_every == 0:
                dev_loss = evaluate(model, dev_dl)
                mark = ""
                if dev_loss < best:
                    best = dev_loss
                    torch.save(model.state_dict(), "best.pt")
                    mark = " *"
                print(f"step {global_step:5d} epoch {epoch} train {loss.item():.4f} dev {dev_loss:.4f}{mark}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--max-epochs", type=int, default=3)
    ap.add_argument("--eval-every", type=int, default=8)
    ap.add_argument("--lr", type=float, default=0.004)
    ap.add_argument("--batch-size", type=int, default=64)
    ap.add_argument("--warmup", dest="warm", type=int, default=10)
    run(**vars(ap.parse_args()))
