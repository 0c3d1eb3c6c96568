# Are these two drawings of one digit? Learns distances between drawings, not the digits themselves.
import argparse, random

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset

MARGIN = 1.2


class SameOrNot(Dataset):
    """Pairs are drawn anew each time they are asked for; every third one shows one digit twice."""

    def __init__(self, first, last, pairs):
        bunch = load_digits()
        self.pairs = pairs
        self.by_digit = [[] for _ in range(10)]
        for drawing, digit in zip(bunch.images[first:last], bunch.target[first:last]):
            self.by_digit[digit].append(torch.tensor(drawing / 16.0, dtype=torch.float32)[None])

    def __len__(self):
        return self.pairs

    def __getitem__(self, n):
        digit = random.randrange(10)
        if n % 3 == 0:
            left, right = random.sample(self.by_digit[digit], 2)
            return left, right, torch.tensor(1.0)
        other = digit
        while other == digit:
            other = random.randrange(10)
        return random.choice(self.by_digit[digit]), random.choice(self.by_digit[other]), torch.tensor(0.0)


class Twins(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, channels, 3), nn.BatchNorm2d(channels), nn.ELU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2), nn.ELU())
        self.place = nn.Linear(8 * channels, size)
        self.look.apply(self.begin)

    def begin(self, part):
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
            part.bias.data.zero_()

    def where(self, drawing):
        return self.place(self.look(drawing).flatten(1))

    def forward(self, left, right):
        return (self.where(left) - self.where(right)).square().sum(1).add(1e-8).sqrt()


class Spring(nn.Module):
    # pulls equal ones together, pushes others until they are MARGIN apart
    def forward(self, distance, same):
        push = torch.clamp(MARGIN - distance, min=0)
        return (same * distance ** 2 + (1 - same) * push ** 2).mean()


def learn(o, twins, pairs, opt, device, pass_no):
    spring = Spring()
    twins.train()
    for n, (left, right, same) in enumerate(pairs):
        left, right, same = left.to(device), right.to(device), same.to(device)
        opt.zero_grad()
        loss = spring(twins(left, right), same)
        loss.backward()
        opt.step()
        if n % o.talk == 0:
            print(f"pass {pass_no}, {n * o.rows} of {o.pairs} pairs: {loss.item():.4f}")


def judge(twins, pairs, device):
    twins.eval()
    spring = Spring()
    loss, right_ones, count = 0, 0, 0
    with torch.no_grad():
        for left, right, same in pairs:
            left, right, same = left.to(device), right.to(device), same.to(device)
            distance = twins(left, right)
            loss += spring(distance, same).item() * len(same)
            said = torch.where(distance < MARGIN / 2, 1.0, 0.0)
            right_ones += said.eq(same).sum().item()
            count += len(same)
    print(f"    held drawings: {loss / count:.4f}, right about {right_ones} of {count} pairs "
          f"({100 * right_ones / count:.1f} %)")


def main():
    p = argparse.ArgumentParser(description="distances between drawn digits")
    p.add_argument("--pairs", type=int, default=640, help="pairs in a pass")
    p.add_argument("--passes", type=int, default=4)
    p.add_argument("--rows", type=int, default=16)
    p.add_argument("--rate", type=float, default=0.05)
    p.add_argument("--cool", type=float, default=0.6, help="factor of the rate after two passes")
    p.add_argument("--size", type=int, default=8, help="numbers that say where a drawing is")
    p.add_argument("--talk", type=int, default=10)
    o = p.parse_args()
    random.seed(77)
    torch.manual_seed(77)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    pairs = DataLoader(SameOrNot(0, 1300, o.pairs), batch_size=o.rows, shuffle=True)
    held_pairs = DataLoader(SameOrNot(1300, None, 200), batch_size=50)
    twins = Twins(8, o.size).to(device)
    opt = SGD(twins.parameters(), lr=o.rate, momentum=0.8, nesterov=True)
    cooling = StepLR(opt, step_size=2, gamma=o.cool)
    for pass_no in range(1, o.passes + 1):
        learn(o, twins, pairs, opt, device, pass_no)
        judge(twins, held_pairs, device)
        cooling.step()
    torch.save(twins.state_dict(), "twins.pt")


if __name__ == "__main__":
    main()
