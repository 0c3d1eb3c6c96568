"""Guesses which digit an 8x8 picture shows; every step is a function of its own."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.optim import Adamax
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    # the last 360 are never trained on
    def __init__(self, hidden):
        found = load_digits()
        kept = slice(-360, None) if hidden else slice(None, -360)
        self.squares = torch.from_numpy(found.data[kept]).float().sub(5).div(6)
        self.digits = torch.from_numpy(found.target[kept])

    def __len__(self):
        return self.squares.shape[0]

    def __getitem__(self, at):
        return self.squares[at], self.digits[at]


class Guesser(nn.Module):
    def __init__(self, channels, forget=0.3):
        super().__init__()
        self.spread = nn.Linear(64, 6 * channels)
        self.pool = nn.MaxPool1d(2)
        self.forget = nn.Dropout(forget)
        self.choose = nn.Linear(3 * channels, 10)

    def forward(self, square):
        strongest = self.pool(self.spread(square))  # the stronger one of each two
        return self.choose(self.forget(strongest))


def practise(args, guesser, device, source, optimizer, round_):
    guesser.train()
    for at, (squares, digits) in enumerate(source):
        squares, digits = squares.to(device), digits.to(device)
        # how surprised it is
        loss = F.cross_entropy(guesser(squares), digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if at % args.tell == 0:
            print('round %d, %d pictures seen: %.5f' % (round_, at * len(squares), loss.item()))
            if args.brief:
                break


def examine(guesser, device, source):
    guesser.eval()
    loss_sum, hits = 0.0, 0
    with torch.no_grad():
        for squares, digits in source:
            squares, digits = squares.to(device), digits.to(device)
            scores = guesser(squares)
            loss_sum += F.cross_entropy(scores, digits, reduction='sum').item()  # of each picture
            hits += (scores.argmax(1) == digits).sum().item()

    pictures = len(source.dataset)
    print('   unseen pictures: loss {:.5f}, accuracy {:.2%}'.format(loss_sum / pictures, hits / pictures))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--batch-size', type=int, default=48, help='pictures in a step')
    parser.add_argument('--test-batch-size', type=int, default=120)
    parser.add_argument('--epochs', type=int, default=9, help='how often all pictures are seen')
    parser.add_argument('--lr', type=float, default=0.02, help='rate of the first round')
    parser.add_argument('--gamma', type=float, default=0.85, help='what the rate is multiplied by')
    parser.add_argument('--channels', type=int, default=12)
    parser.add_argument('--no-cuda', action='store_true')
    parser.add_argument('--brief', action='store_true', help='leave a round after its first step')
    parser.add_argument('--seed', type=int, default=31, help='where random numbers begin')
    parser.add_argument('--tell', type=int, default=9)
    parser.add_argument('--keep', metavar='FILE')
    args = parser.parse_args()

    with_card = torch.cuda.is_available() and not args.no_cuda
    device = torch.device('cuda' if with_card else 'cpu')
    torch.manual_seed(args.seed)

    for_practice = {'shuffle': True, 'batch_size': args.batch_size}
    for_exams = {'batch_size': args.test_batch_size}
    if with_card:
        faster = {'pin_memory': True, 'num_workers': 2}
        for_practice.update(faster)
        for_exams.update(faster)

    practice = DataLoader(Pictures(False), **for_practice)
    exams = DataLoader(Pictures(True), **for_exams)

    guesser = Guesser(args.channels).to(device)
    optimizer = Adamax(guesser.parameters(), lr=args.lr)
    slower = ExponentialLR(optimizer, gamma=args.gamma)
    for round_ in range(1, args.epochs + 1):
        practise(args, guesser, device, practice, optimizer, round_)
        examine(guesser, device, exams)
        slower.step()

    if args.keep:
        torch.save(guesser.state_dict(), args.keep)


if __name__ == '__main__':
    main()
