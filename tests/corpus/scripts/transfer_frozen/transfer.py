"""Odd or even? Reuses filters that were found without labels; most of them stay as they are."""
from copy import deepcopy
from time import perf_counter

import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(58)
device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")

inks, digits = load_digits(return_X_y=True)
x = torch.from_numpy(inks / 16).float()
parity = torch.from_numpy(digits % 2)
sets = {"learn": TensorDataset(x[:1250], parity[:1250]), "watch": TensorDataset(x[1250:], parity[1250:])}
batches = {part: DataLoader(sets[part], batch_size=40, shuffle=part == "learn") for part in sets}
amount = {part: len(sets[part]) for part in sets}


class Likeness(nn.Module):
    """How much a picture is like each of the typical pictures, and what ten classes follow from that."""

    def __init__(self, typical):
        super().__init__()
        self.typical = nn.Linear(64, typical)
        self.blend = nn.Linear(typical, typical)
        self.level = nn.BatchNorm1d(typical)
        self.out = nn.Linear(typical, 10)

    def forward(self, picture):
        like = torch.sigmoid(self.typical(picture))
        return self.out(nn.functional.gelu(self.level(self.blend(like))))


def ready_made(typical=36):
    found = KMeans(typical, n_init=1, max_iter=20, random_state=2).fit(x.numpy())
    centres = torch.from_numpy(found.cluster_centers_).float()
    net = Likeness(typical)
    with torch.no_grad():
        net.typical.weight.copy_(centres)
        net.typical.bias.copy_(-centres.square().sum(1) / 2)
    return net


def adapt(net, loss_of, opt, cooling, passes):
    began = perf_counter()
    champion, top = deepcopy(net.state_dict()), 0.0
    for p in range(1, passes + 1):
        report = [f"pass {p}/{passes}"]
        for part in ("learn", "watch"):
            if part == "learn":
                net.train()
            else:
                net.eval()
            total, right = 0.0, 0
            for picture, truth in batches[part]:
                picture, truth = picture.to(device), truth.to(device)
                opt.zero_grad()
                with torch.set_grad_enabled(part == "learn"):
                    said = net(picture)
                    loss = loss_of(said, truth)
                    if part == "learn":
                        loss.backward()
                        opt.step()
                total += loss.item() * len(truth)
                right += (said.argmax(1) == truth).sum()
            if part == "learn":
                cooling.step()
            share = right.double() / amount[part]
            report.append(f"{part}: loss {total / amount[part]:.4f}, right {share:.3f}")
            if part == "watch" and share > top:
                champion, top = deepcopy(net.state_dict()), share
        print(" | ".join(report))
    print(f"at best {top:.4f} right; {perf_counter() - began:.1f} s")
    net.load_state_dict(champion)
    return net


net = ready_made()
for weights in net.parameters():
    weights.requires_grad = False
net.blend.weight.requires_grad = True
net.blend.bias.requires_grad = True
net.out = nn.Linear(net.out.in_features, 2)  # a new end, free from the start
net = net.to(device)

free = filter(lambda w: w.requires_grad, net.parameters())
opt = torch.optim.SGD(free, lr=0.05, momentum=0.85)
cooling = torch.optim.lr_scheduler.StepLR(opt, 2, gamma=0.3)
net = adapt(net, nn.CrossEntropyLoss(), opt, cooling, passes=5)
