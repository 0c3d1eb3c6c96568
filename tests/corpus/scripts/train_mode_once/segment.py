"""Tiny U-Net that finds the filled ellipse in a noisy picture."""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, Dataset

dir_checkpoint = Path('./checkpoints/')


class Ellipses(Dataset):
    def __init__(self, n, size=16, seed=0):
        rng = np.random.RandomState(seed)
        yy, xx = np.mgrid[:size, :size]
        self.images, self.masks = [], []
        for _ in range(n):
            cx, cy = rng.uniform(4, size - 4, 2)
            a, b = rng.uniform(2, 5, 2)
            mask = ((xx - cx) / a) ** 2 + ((yy - cy) / b) ** 2 <= 1
            self.images.append((mask * 0.8 + rng.randn(size, size) * 0.4).astype(np.float32)[None])
            self.masks.append(mask.astype(np.int64))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, idx):
        return {'image': torch.from_numpy(self.images[idx]), 'mask': torch.from_numpy(self.masks[idx])}


def double_conv(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
        nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self, base=6):
        super().__init__()
        self.inc = double_conv(1, base)
        self.down = double_conv(base, 2 * base)
        self.up = nn.ConvTranspose2d(2 * base, base, 2, stride=2)
        self.outc = nn.Sequential(double_conv(2 * base, base), nn.Conv2d(base, 2, 1))

    def forward(self, x):
        a = self.inc(x)
        b = self.down(F.max_pool2d(a, 2))
        return self.outc(torch.cat([a, self.up(b)], dim=1))


def dice(pred, target, eps=1e-6):
    inter = 2 * (pred * target).sum()
    return (inter + eps) / (pred.sum() + target.sum() + eps)


def evaluate(net, dataloader, device):
    net.eval()
    score = 0
    for batch in dataloader:
        image, mask_true = batch['image'].to(device=device), batch['mask'].to(device=device, dtype=torch.long)
        with torch.no_grad():
            mask_pred = net(image).argmax(dim=1)
        score += dice(mask_pred.float(), mask_true.float())
    return score / len(dataloader)


def train_net(net, device, epochs=5, batch_size=10, lr=0.01, save_cp=True):
    train_loader = DataLoader(Ellipses(200), shuffle=True, batch_size=batch_size)
    val_loader = DataLoader(Ellipses(40, seed=1), shuffle=False, drop_last=True, batch_size=batch_size)
    print(f'''Starting training:
        Epochs:          {epochs}
        Batch size:      {batch_size}
        Learning rate:   {lr}
        Device:          {device.type}
    ''')
    optimizer = optim.RMSprop(net.parameters(), lr=lr, weight_decay=1e-8, momentum=0.9)
    criterion = nn.CrossEntropyLoss()

    net.train()
    for epoch in range(epochs):
        epoch_loss = 0
        for batch in train_loader:
            imgs = batch['image'].to(device=device, dtype=torch.float32)
            true_masks = batch['mask'].to(device=device, dtype=torch.long)
            masks_pred = net(imgs)
            loss = criterion(masks_pred, true_masks) \
                + 1 - dice(F.softmax(masks_pred, dim=1)[:, 1], true_masks.float())
            epoch_loss += loss.item()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(net.parameters(), 0.1)
            optimizer.step()
        val_score = evaluate(net, val_loader, device)
        print('Epoch %d: loss %.4f, validation Dice %.4f' % (epoch + 1, epoch_loss / len(train_loader), val_score))
        if save_cp:
            dir_checkpoint.mkdir(parents=True, exist_ok=True)
            torch.save(net.state_dict(), str(dir_checkpoint / 'CP_epoch{}.pth'.format(epoch + 1)))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Train the UNet on images and target masks')
    parser.add_argument('--epochs', '-e', metavar='E', type=int, default=5, help='Number of epochs')
    parser.add_argument('--batch-size', '-b', dest='batch_size', metavar='B', type=int, default=10, help='Batch size')
    parser.add_argument('--learning-rate', '-l', metavar='LR', type=float, default=0.001, dest='lr')
    parser.add_argument('--load', '-f', type=str, default=False, help='Load model from a .pth file')
    args = parser.parse_args()

    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    net = UNet()
    if args.load:
        net.load_state_dict(torch.load(args.load, map_location=device))
        print(f'Model loaded from {args.load}')
    net.to(device=device)
    try:
        train_net(net, device, epochs=args.epochs, batch_size=args.batch_size, lr=args.lr)
    except KeyboardInterrupt:
        torch.save(net.state_dict(), 'INTERRUPTED.pth')
        print('Saved interrupt')
        raise
