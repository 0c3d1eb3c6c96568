import argparse

import torch

from data import get_loaders
from engine import evaluate, train_one_epoch
from model import build_model


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--lr", default=0.05, type=float, help="step size")
    p.add_argument("--momentum", default=0.9, type=float)
    p.add_argument("--hidden", default=32, type=int, help="size of the hidden layer")
    p.add_argument("--epochs", default=5, type=int)
    p.add_argument("--bs", default=50, type=int)
    p.add_argument("--out", default="model.pth")
    return p.parse_args()


if __name__ == "__main__":
    args = parse()
    net = build_model(args.hidden)
    train_loader, valid_loader = get_loaders(args.bs)
    criterion = torch.nn.SmoothL1Loss()
    optimizer = torch.optim.SGD(net.parameters(), args.lr, momentum=args.momentum, nesterov=True)
    best_loss = float("inf")
    for epoch in range(args.epochs):
        train_loss = train_one_epoch(net, train_loader, criterion, optimizer)
        val_loss, mae = evaluate(net, valid_loader, criterion)
        print("epoch %d train %.4f val loss %.4f mae %.3f" % (epoch, train_loss, val_loss, mae))
        if val_loss < best_loss:
            best_loss = val_loss
            torch.save({"net": net.state_dict(), "epoch": epoch}, args.out)
