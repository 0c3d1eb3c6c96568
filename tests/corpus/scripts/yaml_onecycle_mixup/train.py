#!/usr/bin/env python3
import sys
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import yaml
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm


def to_namespace(d):
    return SimpleNamespace(**{k: to_namespace(v) if isinstance(v, dict) else v for k, v in d.items()})


cfg = to_namespace(yaml.safe_load(open(sys.argv[1] if len(sys.argv) > 1 else "settings.yml")))
np.random.seed(cfg.seed)
torch.manual_seed(cfg.seed)


class CroppedDigits(Dataset):
    """moves each image by a pixel at random, only when augment is on"""

    def __init__(self, images, labels, augment):
        self.images = images.astype("float32") / 16
        self.labels = labels
        self.augment = augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = self.images[i]
        if self.augment:
            p = cfg.data.pad
            img = np.pad(img, p)
            dx, dy = np.random.randint(0, 2 * p + 1, 2)
            img = img[dx:dx + 8, dy:dy + 8]
        return torch.from_numpy(img.copy())[None], self.labels[i]


d = load_digits()
train_dl = DataLoader(CroppedDigits(d.images[:cfg.data.n_train], d.target[:cfg.data.n_train], True),
                      batch_size=cfg.data.batch, shuffle=True)
val_dl = DataLoader(CroppedDigits(d.images[cfg.data.n_train:], d.target[cfg.data.n_train:], False),
                    batch_size=200)


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


w1, w2 = cfg.net.widths
model = nn.Sequential(
    conv(1, w1), nn.MaxPool2d(2), conv(w1, w2), nn.AdaptiveMaxPool2d(1),
    nn.Flatten(), nn.Dropout(cfg.net.dropout), nn.Linear(w2, 10),
)
criterion = nn.CrossEntropyLoss(label_smoothing=cfg.train.label_smoothing)
opt = torch.optim.SGD(model.parameters(), lr=cfg.train.max_lr, momentum=0.9, nesterov=True,
                      weight_decay=cfg.train.weight_decay)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=cfg.train.max_lr, epochs=cfg.train.epochs,
                                            steps_per_epoch=len(train_dl))


def mixup_data(x, y, alpha):
    lam = np.random.beta(alpha, alpha) if alpha > 0 else 1
    index = torch.randperm(x.size(0))
    return lam * x + (1 - lam) * x[index], y, y[index], lam


def mixup_criterion(pred, y_a, y_b, lam):
    return lam * criterion(pred, y_a) + (1 - lam) * criterion(pred, y_b)


bar = tqdm(range(cfg.train.epochs), desc="epochs")
for ep in bar:
    model.train()
    seen, tot = 0, 0.
    for xb, yb in tqdm(train_dl, leave=False):
        if cfg.train.mixup.use:
            xb, ya, yb, lam = mixup_data(xb, yb, cfg.train.mixup.alpha)
            loss = mixup_criterion(model(xb), ya, yb, lam)
        else:
            loss = criterion(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        tot += loss.item() * len(xb)
        seen += len(xb)

    model.eval()
    vl, ok = 0., 0
    with torch.no_grad():
        for xb, yb in val_dl:
            out = model(xb)
            vl += F.cross_entropy(out, yb, reduction="sum").item()
            ok += out.argmax(1).eq(yb).sum().item()
    n = len(val_dl.dataset)
    bar.set_postfix(train=f"{tot / seen:.3f}", val=f"{vl / n:.3f}", acc=f"{ok / n:.3f}")
    tqdm.write(f"{ep}: lr {sched.get_last_lr()[0]:.5f} val {vl / n:.4f} acc {ok / n:.4f}")
torch.save(model, "model.pkl")
