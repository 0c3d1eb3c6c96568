import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def get_args():
    p = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("-b", "--batch-size", type=int, default=32, help="size of one micro batch")
    p.add_argument("-a", "--accumulate", type=int, default=4, help="micro batches per update")
    p.add_argument("-e", "--epochs", type=int, default=5)
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--momentum", type=float, default=0.9)
    p.add_argument("--nesterov", action="store_true")
    return p.parse_args()


class ConvNet(nn.Module):
    def __init__(self, width=8, n_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(2 * width, n_classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def accuracy(model, loader, device):
    model.eval()
    hits = total = 0
    for x, y in loader:
        with torch.no_grad():
            out = model(x.to(device, non_blocking=True))
        hits += (out.argmax(1).cpu() == y).sum().item()
        total += y.numel()
    return hits / total


def main():
    args = get_args()
    torch.manual_seed(2024)
    device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")

    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 1, 8, 8).astype("float32") / 16.0
    # 990 images in 31 micro batches: the last update of an epoch has fewer of them
    X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=990, random_state=0, stratify=y)
    train_set = TensorDataset(torch.from_numpy(X_train), torch.from_numpy(y_train))
    test_set = TensorDataset(torch.from_numpy(X_test), torch.from_numpy(y_test))
    train_loader = DataLoader(train_set, args.batch_size, shuffle=True, pin_memory=torch.cuda.is_available())
    test_loader = DataLoader(test_set, 256)

    model = ConvNet().to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=args.momentum, nesterov=args.nesterov)

    for epoch in range(args.epochs):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for i, (x, y) in enumerate(train_loader):
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
            loss = loss_fn(model(x), y) / args.accumulate
            loss.backward()
            total += loss.item() * args.accumulate
            if (i + 1) % args.accumulate == 0 or (i + 1) == len(train_loader):
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        acc = accuracy(model, test_loader, device)
        print(f"[{epoch + 1:>2}/{args.epochs}] train loss {total / len(train_loader):.4f} | test acc {acc:.2%}")


if __name__ == "__main__":
    main()
