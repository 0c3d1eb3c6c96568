"""A head is warmed up on a frozen backbone, then the whole network is trained at a lower rate."""
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.norm = nn.BatchNorm2d(2 * width)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return F.relu(self.norm(self.conv2(x))).mean(dim=(2, 3))


class Net(nn.Module):
    def __init__(self, width, classes=10):
        super().__init__()
        self.backbone = Backbone(width)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x):
        return self.head(F.dropout(self.backbone(x), 0.1, self.training))


def get_loaders(batch_size):
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    full = TensorDataset(images, torch.tensor(digits.target))
    train_set, test_set = random_split(full, [1400, len(full) - 1400])
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(test_set, 256)


def train_epoch(model, loader, optimizer, device):
    model.train()
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


@torch.no_grad()
def accuracy(model, loader, device):
    model.eval()
    correct = 0
    for images, labels in loader:
        correct += (model(images.to(device)).argmax(1) == labels.to(device)).sum().item()
    return correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--warmup-epochs", type=int, default=3, help="epochs of the head alone")
    parser.add_argument("--warmup-lr", type=float, default=0.05, help="learning rate of the head alone")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader, test_loader = get_loaders(args.batch_size)
    model = Net(args.width).to(device)

    # the backbone stays as it is while the head finds its place
    for param in model.backbone.parameters():
        param.requires_grad = False
    optimizer = optim.SGD(model.head.parameters(), lr=args.warmup_lr, momentum=0.9)
    for epoch in range(args.warmup_epochs):
        loss = train_epoch(model, train_loader, optimizer, device)
        print(f"warm-up {epoch}: loss {loss:.4f}")

    for param in model.backbone.parameters():
        param.requires_grad = True
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        loss = train_epoch(model, train_loader, optimizer, device)
        acc = accuracy(model, test_loader, device)
        print(f"epoch {epoch}: loss {loss:.4f}, accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
