import argparse
import os
import time

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

parser = argparse.ArgumentParser("mixed precision training")
parser.add_argument("--lr", default=3e-3, type=float)
parser.add_argument("--wd", default=0.05, type=float, help="weight decay")
parser.add_argument("--bs", default=64, type=int)
parser.add_argument("--n_epochs", default=3, type=int)
parser.add_argument("--patch", default=2, type=int, choices=[1, 2, 4])
parser.add_argument("--dimhead", default=32, type=int)
parser.add_argument("--noamp", action="store_true", help="disable mixed precision training")
args = parser.parse_args()

use_amp = not args.noamp
device = "cuda" if torch.cuda.is_available() else "cpu"
best_acc = 0

# Data
print("==> Preparing data..")
imgs = torch.tensor(load_digits().images).float().unsqueeze(1).div(16).sub(0.3)
target = torch.tensor(load_digits().target)
trainset, testset = random_split(TensorDataset(imgs, target), [1297, 500], torch.Generator().manual_seed(0))
trainloader = DataLoader(trainset, batch_size=args.bs, shuffle=True)
testloader = DataLoader(testset, batch_size=250, shuffle=False)

# Model
print("==> Building model..")


class TinyViT(nn.Module):
    def __init__(self, patch, dim, depth=1, heads=4):
        super().__init__()
        self.to_patches = nn.Conv2d(1, dim, patch, stride=patch)
        n = (8 // patch) ** 2
        self.pos = nn.Parameter(torch.randn(1, n + 1, dim) * 0.02)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.to_patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.head(self.encoder(x)[:, 0])


net = TinyViT(args.patch, args.dimhead).to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=args.wd)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.n_epochs)
scaler = torch.amp.GradScaler(enabled=use_amp)


def train(epoch):
    print("\nEpoch: %d" % epoch)
    net.train()
    train_loss = 0
    correct = 0
    total = 0
    for batch_idx, (inputs, targets) in enumerate(trainloader):
        inputs, targets = inputs.to(device), targets.to(device)
        with torch.autocast(device_type=device, dtype=torch.bfloat16, enabled=use_amp):
            outputs = net(inputs)
            loss = criterion(outputs, targets)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()

        train_loss += loss.item()
        _, predicted = outputs.max(1)
        total += targets.size(0)
        correct += predicted.eq(targets).sum().item()
    print("Loss: %.3f | Acc: %.3f%% (%d/%d)" % (train_loss / (batch_idx + 1), 100. * correct / total, correct, total))
    return train_loss / (batch_idx + 1)


def test(epoch):
    global best_acc
    net.eval()
    test_loss = 0
    correct = 0
    total = 0
    with torch.no_grad():
        for batch_idx, (inputs, targets) in enumerate(testloader):
            inputs, targets = inputs.to(device), targets.to(device)
            with torch.autocast(device_type=device, dtype=torch.bfloat16, enabled=use_amp):
                outputs = net(inputs)
                loss = criterion(outputs, targets)
            test_loss += loss.item()
            _, predicted = outputs.max(1)
            total += targets.size(0)
            correct += predicted.eq(targets).sum().item()

    # Save checkpoint.
    acc = 100. * correct / total
    if acc > best_acc:
        print("Saving..")
        state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "scaler": scaler.state_dict()}
        if not os.path.isdir("checkpoint"):
            os.mkdir("checkpoint")
        torch.save(state, "./checkpoint/vit-{}-ckpt.t7".format(args.patch))
        best_acc = acc
    content = time.ctime() + " " + f"Epoch {epoch}, val loss: {test_loss:.5f}, acc: {acc:.5f}"
    print(content)
    return test_loss, acc


for epoch in range(args.n_epochs):
    start = time.time()
    trainloss = train(epoch)
    val_loss, acc = test(epoch)
    scheduler.step()
