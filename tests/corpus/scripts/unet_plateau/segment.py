"""Finds the discs in noisy pictures with a network that goes down once and up again."""
import argparse
import logging
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

log = logging.getLogger("segment")


class Discs(Dataset):
    def __init__(self, count, side=12):
        rng = np.random.default_rng(7)
        rows, columns = np.mgrid[:side, :side]
        self.items = []
        for _ in range(count):
            y, x = rng.uniform(3, side - 3, 2)
            disc = (rows - y) ** 2 + (columns - x) ** 2 < rng.uniform(4, 12)
            picture = disc + rng.normal(0, 0.5, disc.shape)
            self.items.append((picture.astype(np.float32)[None], disc.astype(np.int64)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        picture, disc = self.items[index]
        return {"picture": torch.from_numpy(picture), "disc": torch.from_numpy(disc)}


def conv_block(into, out):
    return nn.Sequential(nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class SmallUNet(nn.Module):
    def __init__(self, classes, width=6):
        super().__init__()
        self.classes = classes
        self.first = conv_block(1, width)
        self.deep = conv_block(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Sequential(conv_block(2 * width, width), nn.Conv2d(width, classes, 1))

    def forward(self, x):
        shallow = self.first(x)
        deep = self.deep(F.max_pool2d(shallow, 2))
        return self.last(torch.cat([shallow, self.up(deep)], dim=1))


def overlap(guess, truth):
    return (2 * (guess * truth).sum() + 1e-6) / (guess.sum() + truth.sum() + 1e-6)


@torch.inference_mode()
def score(net, loader, device):
    net.eval()
    batches = len(loader)
    total = 0
    for batch in loader:
        picture = batch["picture"].to(device=device, dtype=torch.float32)
        disc = batch["disc"].to(device=device)
        guess = F.one_hot(net(picture).argmax(dim=1), net.classes).permute(0, 3, 1, 2).float()
        total += overlap(guess[:, 1], disc.float())
    net.train()
    return total / max(batches, 1)


def fit(net, device, epochs, batch_size, rate, share=0.2, momentum=0.9, limit=1.0, keep=True):
    discs = Discs(90)
    held = int(len(discs) * share)
    parts = random_split(discs, [len(discs) - held, held], generator=torch.Generator().manual_seed(3))
    options = dict(batch_size=batch_size, num_workers=0)
    train_loader = DataLoader(parts[0], shuffle=True, **options)
    held_loader = DataLoader(parts[1], shuffle=False, drop_last=True, **options)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=rate, momentum=momentum)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=0)
    scaler = torch.amp.GradScaler("cuda", enabled=False)
    criterion = nn.CrossEntropyLoss() if net.classes > 1 else nn.BCEWithLogitsLoss()
    for epoch in range(1, epochs + 1):
        net.train()
        running = 0
        for batch in train_loader:
            pictures, discs = batch["picture"], batch["disc"]
            assert pictures.shape[1] == 1, "pictures have one channel"
            pictures = pictures.to(device=device, dtype=torch.float32)
            discs = discs.to(device=device)
            logits = net(pictures)
            loss = criterion(logits, discs)
            loss += 1 - overlap(logits.softmax(dim=1)[:, 1], discs.float())
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(net.parameters(), limit)
            scaler.step(optimizer)
            scaler.update()
            running += loss.item()
        dice = score(net, held_loader, device)
        scheduler.step(dice)
        log.info(f"epoch {epoch} loss {running / len(train_loader):.4f} dice {dice:.4f}")
        if keep:
            os.makedirs("weights", exist_ok=True)
            torch.save(net.state_dict(), f"weights/epoch{epoch}.pth")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", "-e", type=int, default=3, help="passes over the pictures")
    parser.add_argument("--batch-size", "-b", dest="batch_size", type=int, default=8)
    parser.add_argument("--learning-rate", "-l", dest="lr", type=float, default=0.002)
    parser.add_argument("--held-out", dest="held", type=float, default=20.0, help="percent that is not trained on")
    parser.add_argument("--load", type=str, default=False, help="weights to begin with")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    net = SmallUNet(classes=2)
    if args.load:
        net.load_state_dict(torch.load(args.load, map_location=device))
    net.to(device=device)
    fit(net, device, args.epochs, args.batch_size, rate=args.lr, share=args.held / 100)
