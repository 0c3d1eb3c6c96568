"""Which instrument is it? The listening part is held fixed until the answering part has settled, then all learn."""
import argparse
import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset, random_split

# strength of the first overtones of five made-up instruments
TIMBRES = torch.tensor([[1, .1, .0, .0], [1, .8, .1, .0], [1, .1, .7, .1], [.6, .0, .2, 1], [.4, 1, .6, .3]])


class Listener(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.hear = nn.Conv1d(1, filters, 9, stride=2, padding=4)
        self.combine = nn.Conv1d(filters, 2 * filters, 5, stride=2, padding=2)
        self.level = nn.BatchNorm1d(2 * filters)

    def forward(self, sound):
        heard = torch.relu(self.hear(sound.unsqueeze(1)))
        return self.level(self.combine(heard)).square().mean(-1)


class Guesser(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.listener = Listener(filters)
        self.answer = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * filters, len(TIMBRES)))

    def forward(self, sound):
        return self.answer(self.listener(sound))


def record(count, points=64):
    player = torch.randint(len(TIMBRES), (count,))
    pitch = torch.empty(count, 1, 1).uniform_(2, 4)
    phase = 2 * math.pi * torch.rand(count, 4, 1)
    overtone = torch.arange(1, 5).view(1, 4, 1)
    waves = torch.sin(2 * math.pi * pitch * overtone * torch.linspace(0, 1, points) + phase)
    sound = (TIMBRES[player].unsqueeze(2) * waves).sum(1)
    return TensorDataset(sound + 0.2 * torch.randn_like(sound), player)


def practise(guesser, sounds, opt, device):
    guesser.train()
    heard, total = 0, 0.0
    for sound, player in sounds:
        sound, player = sound.to(device), player.to(device)
        loss = cross_entropy(guesser(sound), player)
        opt.zero_grad()
        loss.backward()
        opt.step()
        heard += len(player)
        total += len(player) * loss.item()
    return total / heard


@torch.no_grad()
def examine(guesser, sounds, device):
    guesser.eval()
    right = [(guesser(sound.to(device)).argmax(-1).cpu() == player).float() for sound, player in sounds]
    return torch.cat(right).mean().item()


def main():
    cli = argparse.ArgumentParser(description="five instruments by ear")
    cli.add_argument("--answer-passes", type=int, default=3, help="passes in which the listener is fixed")
    cli.add_argument("--answer-rate", type=float, default=0.1)
    cli.add_argument("--passes", type=int, default=5, help="passes after that")
    cli.add_argument("--rate", type=float, default=0.005)
    cli.add_argument("--filters", type=int, default=8)
    cli.add_argument("--rows", type=int, default=50)
    o = cli.parse_args()
    torch.manual_seed(440)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    learnt, asked = random_split(record(1000), [800, 200])
    sounds, exam = DataLoader(learnt, o.rows, shuffle=True), DataLoader(asked, 100)
    guesser = Guesser(o.filters).to(device)

    for weights in guesser.listener.parameters():
        weights.requires_grad = False
    opt = torch.optim.SGD(guesser.answer.parameters(), lr=o.answer_rate, momentum=0.5)
    for p in range(o.answer_passes):
        print(f"answers only, pass {p + 1}: {practise(guesser, sounds, opt, device):.4f}")

    # from here on everything moves, with an optimizer of its own
    for weights in guesser.listener.parameters():
        weights.requires_grad = True
    opt = torch.optim.AdamW(guesser.parameters(), lr=o.rate)
    for p in range(o.passes):
        loss = practise(guesser, sounds, opt, device)
        print(f"everything, pass {p + 1}: {loss:.4f}, right in the exam: {examine(guesser, exam, device):.1%}")


if __name__ == "__main__":
    main()
