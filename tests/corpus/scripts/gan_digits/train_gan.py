# A forger draws digits, an inspector tells them from real ones. Both see the options as a global.
import argparse
import pathlib
import random

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.autograd import Variable

cl = argparse.ArgumentParser()
cl.add_argument("--rounds", type=int, default=60)
cl.add_argument("--batch", type=int, default=56)
cl.add_argument("--forger_rate", type=float, default=8e-4)
cl.add_argument("--inspector_rate", type=float, default=4e-4)
cl.add_argument("--beta", type=float, default=0.6, help="first beta of both Adams")
cl.add_argument("--ideas", type=int, default=12, help="random numbers that a drawing starts from")
cl.add_argument("--pixels", type=int, default=8, help="height and width")
cl.add_argument("--thick", type=int, default=48, help="width of the layers")
cl.add_argument("--show_every", type=int, default=17)
cl.add_argument("--luck", type=int, help="seed; drawn when not given")
P = cl.parse_args()

if P.luck is None:
    P.luck = random.randrange(100_000)
print("luck is", P.luck)
random.seed(P.luck)
torch.manual_seed(P.luck)

gallery = pathlib.Path("gallery")
gallery.mkdir(exist_ok=True)
area = int(np.prod([P.pixels, P.pixels]))
gpu = torch.cuda.is_available()
Floats = torch.cuda.FloatTensor if gpu else torch.FloatTensor


def shrink_start(layer):
    if type(layer).__name__ == "Linear":
        nn.init.orthogonal_(layer.weight, gain=0.7)
        nn.init.constant_(layer.bias, 0.01)


class Forger(nn.Module):
    def __init__(self):
        super().__init__()

        def stage(wide, wider, steady):
            made = [nn.Linear(wide, wider)]
            if steady:
                made += [nn.BatchNorm1d(wider, momentum=0.3)]
            return made + [nn.ELU(inplace=True)]

        self.hand = nn.Sequential(
            *stage(P.ideas, P.thick, False),
            *stage(P.thick, 2 * P.thick, True),
            nn.Linear(2 * P.thick, area),
        )

    def forward(self, ideas):
        return torch.sigmoid(self.hand(ideas)).view(-1, P.pixels, P.pixels)


class Inspector(nn.Module):
    def __init__(self):
        super().__init__()
        self.eye = nn.Sequential(
            nn.Flatten(), nn.Linear(area, P.thick), nn.ELU(), nn.Linear(P.thick, P.thick // 2), nn.ELU())
        self.opinion = nn.Linear(P.thick // 2, 1)

    def forward(self, drawings):
        return torch.sigmoid(self.opinion(self.eye(drawings)))


forger = Forger()
inspector = Inspector()
verdict = nn.BCELoss()
forger.apply(shrink_start)
inspector.apply(shrink_start)
if gpu:
    forger.cuda(), inspector.cuda()

real = torch.from_numpy(load_digits().images / 16).float()
stock = torch.utils.data.DataLoader(real[:1680], batch_size=P.batch, shuffle=True)

forger_adam = torch.optim.Adam(forger.parameters(), P.forger_rate, (P.beta, 0.99))
inspector_adam = torch.optim.Adam(inspector.parameters(), P.inspector_rate, (P.beta, 0.99))

for r in range(P.rounds):
    for k, drawings in enumerate(stock):
        originals = Variable(drawings.type(Floats))
        yes = Variable(Floats(len(drawings), 1).fill_(1), requires_grad=False)
        no = Variable(Floats(len(drawings), 1).fill_(0), requires_grad=False)

        # the forger moves first
        forger_adam.zero_grad()
        ideas = Variable(Floats(np.random.uniform(-1, 1, (len(drawings), P.ideas))))
        forged = forger(ideas)
        caught = verdict(inspector(forged), yes)
        caught.backward()
        forger_adam.step()

        # then the inspector, who is shown the same forgeries
        inspector_adam.zero_grad()
        blunder = 0.5 * verdict(inspector(originals), yes) + 0.5 * verdict(inspector(forged.detach()), no)
        blunder.backward()
        inspector_adam.step()

        played = r * len(stock) + k
        if played % P.show_every == 0:
            print(f"round {r} move {k}: inspector {blunder.item():.3f} forger {caught.item():.3f}")
            torch.save(forged.data[:16], gallery / f"{played:06d}.pt")
