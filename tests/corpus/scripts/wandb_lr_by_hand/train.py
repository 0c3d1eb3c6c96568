import argparse
import math
import os
import random

import numpy as np
import torch
import torch.nn as nn
import wandb
from torch.utils.data import DataLoader, TensorDataset


def get_parser():
    parser = argparse.ArgumentParser(description="sine regression with a cosine learning rate")
    parser.add_argument("--project", type=str, default="sines")
    parser.add_argument("--wandb_mode", type=str, default="disabled", choices=["online", "offline", "disabled"])
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--base_lr", type=float, default=0.01)
    parser.add_argument("--min_lr", type=float, default=1e-4)
    parser.add_argument("--warmup_epochs", type=float, default=1)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=3407)
    return parser


def set_rate(optimizer, at, args):
    """at is a number of epochs, with a fraction: up in a straight line, then down on a cosine"""
    if at < args.warmup_epochs:
        rate = args.base_lr * (at + 0.1) / args.warmup_epochs
    else:
        share = (at - args.warmup_epochs) / (args.epochs - args.warmup_epochs)
        rate = args.min_lr + (args.base_lr - args.min_lr) * math.cos(math.pi * share / 2) ** 2
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


class Sine(nn.Module):
    def __init__(self, w0=1.0):
        super().__init__()
        self.w0 = w0

    def forward(self, x):
        return torch.sin(self.w0 * x)


def make_data(n):
    x = torch.rand(n, 1) * 4 - 2
    y = torch.sin(4 * x) + 0.3 * torch.cos(11 * x) + 0.05 * torch.randn(n, 1)
    return TensorDataset(x, y)


def main(args):
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.cuda.manual_seed_all(args.seed)

    run = wandb.init(project=args.project, config=vars(args), mode=args.wandb_mode, name=f"lr{args.base_lr}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader = DataLoader(make_data(800), batch_size=args.batch_size, shuffle=True)
    valid_loader = DataLoader(make_data(200), batch_size=200)

    net = nn.Sequential(nn.Linear(1, 48), Sine(6.0), nn.Linear(48, 48), Sine(), nn.Linear(48, 1)).to(device)
    wandb.watch(net, log_freq=100)
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.base_lr, betas=(0.9, 0.95))
    mse = nn.MSELoss()

    global_step = 0
    best = float("inf")
    for epoch in range(args.epochs):
        net.train()
        for i, (x, y) in enumerate(train_loader):
            # we use a per iteration (instead of per epoch) lr schedule
            lr = set_rate(optimizer, i / len(train_loader) + epoch, args)
            x, y = x.to(device), y.to(device)
            loss = mse(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            global_step += 1
            if global_step % 5 == 0:
                wandb.log({"train/loss": loss.item(), "train/lr": lr, "epoch": epoch}, step=global_step)

        net.eval()
        with torch.no_grad():
            val_loss = sum(mse(net(x.to(device)), y.to(device)).item() * len(x) for x, y in valid_loader)
        val_loss /= len(valid_loader.dataset)
        wandb.log({"val/loss": val_loss}, step=global_step)
        print(f"[{epoch}] lr {lr:.5f} train {loss.item():.5f} val {val_loss:.5f}")
        if val_loss < best:
            best = val_loss
            os.makedirs("output", exist_ok=True)
            torch.save({"net": net.state_dict(), "epoch": epoch, "args": args}, "output/best.pth")
            wandb.run.summary["best_val_loss"] = best
    run.finish()


if __name__ == "__main__":
    main(get_parser().parse_args())
