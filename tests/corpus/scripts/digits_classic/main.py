"""Reads handwritten digits of 8x8 pixels with a small convolutional net."""
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.optim import Adagrad
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, Dataset


class Handwriting(Dataset):
    # every sixth digit is kept for checking
    def __init__(self, checking, prepare=None):
        pixels, names = load_digits(return_X_y=True)
        mine = [k for k in range(len(names)) if (k % 6 == 0) == checking]
        self.pixels = torch.as_tensor(pixels[mine], dtype=torch.float32).reshape(-1, 8, 8)
        self.names = torch.as_tensor(names[mine])
        self.prepare = prepare

    def __getitem__(self, k):
        square = self.pixels[k]
        return (self.prepare(square) if self.prepare else square), self.names[k]

    def __len__(self):
        return len(self.names)


def centred(square):
    return (square[None] - 4.9) / 6.0


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.strokes = nn.Conv2d(1, 12, kernel_size=5, padding=2)
        self.joints = nn.Conv2d(12, 12, kernel_size=3, padding=1)
        self.blot = nn.Dropout(0.2)
        self.name = nn.Linear(12 * 16, 10)

    def forward(self, square):
        seen = torch.tanh(self.strokes(square))
        seen = seen + torch.tanh(self.joints(seen))
        seen = self.blot(F.avg_pool2d(seen, 2).flatten(1))
        return self.name(seen)


def practise(opts, reader, device, pages, optimizer, epoch):
    reader.train()
    for number, (squares, names) in enumerate(pages):
        squares, names = squares.to(device), names.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(reader(squares), names)
        loss.backward()
        optimizer.step()
        if number % opts.report == 0:
            print(f'epoch {epoch}, page {number}/{len(pages)}: {loss.item():.4f}')
            if opts.smoke:
                break


def check(reader, device, pages):
    reader.eval()
    cost, wrong = 0.0, 0
    with torch.no_grad():
        for squares, names in pages:
            squares, names = squares.to(device), names.to(device)
            answer = reader(squares)
            cost += F.cross_entropy(answer, names, reduction='sum').item()
            wrong += (answer.argmax(1) != names).sum().item()
    n = len(pages.dataset)
    print(f'-> {wrong} of {n} read wrongly ({wrong / n:.1%}), cost {cost / n:.4f}')


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--page', type=int, default=50, help='digits in one step')
    p.add_argument('--check-page', type=int, default=150, help='digits at once when checking')
    p.add_argument('--epochs', type=int, default=12)
    p.add_argument('--lr', type=float, default=0.03)
    p.add_argument('--fade', type=float, default=0.8, help='what is left of the rate after each epoch')
    p.add_argument('--seed', type=int, default=3)
    p.add_argument('--cpu', action='store_true', help='leave the graphics card alone')
    p.add_argument('--smoke', action='store_true', help='one step an epoch, to see whether it runs')
    p.add_argument('--report', type=int, default=8)
    p.add_argument('--keep', action='store_true', help='write the weights when done')
    return p.parse_args()


def main():
    opts = options()
    torch.manual_seed(opts.seed)
    on_card = torch.cuda.is_available() and not opts.cpu
    device = torch.device('cuda' if on_card else 'cpu')

    how = dict(batch_size=opts.page, shuffle=True)
    how_to_check = dict(batch_size=opts.check_page)
    if on_card:
        for each in (how, how_to_check):
            each.update(pin_memory=True, num_workers=2)
    pages = DataLoader(Handwriting(False, centred), **how)
    check_pages = DataLoader(Handwriting(True, centred), **how_to_check)

    reader = Reader().to(device)
    optimizer = Adagrad(reader.parameters(), lr=opts.lr)
    fading = ExponentialLR(optimizer, opts.fade)
    for epoch in range(opts.epochs):
        practise(opts, reader, device, pages, optimizer, epoch)
        check(reader, device, check_pages)
        fading.step()

    if opts.keep:
        torch.save(reader.state_dict(), 'reader.pt')


if __name__ == '__main__':
    main()
