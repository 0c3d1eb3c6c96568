# Two interleaved spirals. No functions, no options: change the numbers and run again.
import math
import random
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from tqdm import tqdm

SEED = 19
BATCH = 24
EPOCHS = 4
WIDTH, DEPTH = 20, 2
MAX_NORM = 0.7

torch.manual_seed(SEED)
np.random.seed(SEED)
random.seed(SEED)

# positions along the two arms, and some wobble
turns = np.random.uniform(0.3, 1.6, 420)
arm = np.random.randint(0, 2, 420)
angle = 2 * math.pi * turns + math.pi * arm
points = np.stack([turns * np.cos(angle), turns * np.sin(angle)], axis=1)
points += np.random.normal(0, 0.05, points.shape)
spirals = TensorDataset(torch.tensor(points, dtype=torch.float32), torch.tensor(arm))
apart = len(spirals) // 6
known, unknown = random_split(spirals, [len(spirals) - apart, apart])
feed = DataLoader(known, BATCH, shuffle=True, drop_last=True)
check = DataLoader(unknown, BATCH)

device = torch.device('cuda:0') if torch.cuda.is_available() else torch.device('cpu')

# as deep as asked for
parts = [nn.Linear(2, WIDTH), nn.Tanh()]
for _ in range(DEPTH):
    parts.extend([nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Tanh(), nn.Dropout(0.05)])
parts.append(nn.Linear(WIDTH, 2))
net = nn.Sequential(*parts)
net.to(device)

cost = nn.CrossEntropyLoss(label_smoothing=0.05)
stepper = torch.optim.AdamW(net.parameters(), lr=0.002, weight_decay=0.03)
ramp = torch.optim.lr_scheduler.OneCycleLR(stepper, max_lr=0.015, total_steps=EPOCHS * len(feed))

top = 0.0
for epoch in range(EPOCHS):
    net.train()
    summed = 0.0
    progress = tqdm(feed, desc='spirals %d/%d' % (epoch + 1, EPOCHS))
    for n, (where, which) in enumerate(progress):
        where = where.to(device)
        which = which.to(device)
        stepper.zero_grad()
        guess = net(where)
        error = cost(guess, which)
        error.backward()
        nn.utils.clip_grad_norm_(net.parameters(), MAX_NORM)
        stepper.step()
        ramp.step()
        summed += len(where) * error.item()
        progress.set_postfix(error=error.item())

    net.eval()
    good, all_ = 0, 0
    with torch.no_grad():
        for where, which in check:
            where, which = where.to(device), which.to(device)
            good += (net(where).argmax(1) == which).sum().item()
            all_ += len(which)
    acc = good / all_
    print(f'{epoch}: error {summed / len(known):.4f}, accuracy on unknown points {acc:.3f}')
    if acc > top:
        top = acc
        torch.save(net.state_dict(), 'spirals.pt')
print('the best was', top)
