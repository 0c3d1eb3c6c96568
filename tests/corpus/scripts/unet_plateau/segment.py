"""Marks the scratches on photographs of a rough plate; the net shrinks the picture once and joins both sizes again."""
import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, random_split

say = logging.getLogger("scratches")


class Plates(Dataset):
    def __init__(self, how_many, size=16):
        draw = np.random.default_rng(70)
        down, across = np.indices((size, size))
        self.photos = np.zeros((how_many, 1, size, size), dtype=np.float32)
        self.scratched = np.zeros((how_many, size, size), dtype=np.int64)
        for photo, scratched in zip(self.photos, self.scratched):
            angle = draw.uniform(0, np.pi)
            offset = draw.uniform(-size / 4, size / 4)
            away = (down - size / 2) * np.cos(angle) + (across - size / 2) * np.sin(angle) - offset
            scratched[:] = np.abs(away) < draw.uniform(0.8, 1.6)
            photo[0] = 0.9 * scratched + draw.normal(0, 0.4, (size, size))

    def __len__(self):
        return len(self.photos)

    def __getitem__(self, i):
        return dict(photo=torch.as_tensor(self.photos[i]), scratch=torch.as_tensor(self.scratched[i]))


class TwoSizes(nn.Module):
    def __init__(self, kinds, maps):
        super().__init__()
        self.kinds = kinds
        self.fine = self.stage(1, maps)
        self.coarse = self.stage(maps, 2 * maps)
        self.joined = self.stage(3 * maps, maps)
        self.decide = nn.Conv2d(maps, kinds, kernel_size=1)

    @staticmethod
    def stage(before, after):
        return nn.Sequential(nn.Conv2d(before, after, 3, padding="same"), nn.BatchNorm2d(after), nn.LeakyReLU(0.1))

    def forward(self, photo):
        fine = self.fine(photo)
        coarse = F.interpolate(self.coarse(F.avg_pool2d(fine, 2)), scale_factor=2.0)
        return self.decide(self.joined(torch.cat((fine, coarse), 1)))


def agreement(a, b, tiny=1e-6):
    return (2 * torch.sum(a * b) + tiny) / (torch.sum(a) + torch.sum(b) + tiny)


@torch.inference_mode()
def inspect(net, plates, device):
    net.eval()
    found = 0
    for plate in plates:
        photo, scratch = plate["photo"].to(device), plate["scratch"].to(device)
        marked = net(photo).argmax(1)
        found += agreement((marked == 1).float(), scratch.float())
    net.train()
    return found / max(1, len(plates))


def learn(net, device, passes, rows, rate, held=0.25, inertia=0.8, longest=1.0, folder="nets"):
    plates = Plates(100)
    aside = round(held * len(plates))
    learnt, tried = random_split(plates, (len(plates) - aside, aside), torch.Generator().manual_seed(5))
    common = {"batch_size": rows, "num_workers": 0}
    learn_loader = DataLoader(learnt, shuffle=True, **common)
    try_loader = DataLoader(tried, drop_last=True, **common)
    opt = torch.optim.RMSprop(net.parameters(), rate, momentum=inertia, alpha=0.95)
    patience = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, mode="max", factor=0.3, patience=0)
    amp = torch.amp.GradScaler("cuda", enabled=False)
    by_pixel = nn.BCEWithLogitsLoss() if net.kinds == 1 else nn.CrossEntropyLoss()
    for p in range(passes):
        net.train()
        losses = 0
        for step, plates in enumerate(learn_loader, start=1):
            photo, scratch = plates["photo"].to(device), plates["scratch"].to(device)
            assert photo.ndim == 4 and photo.size(1) == 1, f"grey photographs only, not {tuple(photo.shape)}"
            marks = net(photo)
            loss = by_pixel(marks, scratch)
            loss += 0.5 * (1 - agreement(torch.softmax(marks, 1)[:, 1], scratch.float()))
            opt.zero_grad(set_to_none=True)
            amp.scale(loss).backward()
            amp.unscale_(opt)
            torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm=longest)
            amp.step(opt)
            amp.update()
            losses += loss.item()
        found = inspect(net, try_loader, device)
        patience.step(found)
        say.info("pass %d: loss %.4f, agreement %.4f", p, losses / step, found)
        if folder:
            Path(folder).mkdir(exist_ok=True)
            torch.save(net.state_dict(), Path(folder) / f"{p:02d}.pt")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("-p", "--passes", type=int, default=3)
    options.add_argument("-r", "--rows", dest="rows", type=int, default=10, help="photographs in a batch")
    options.add_argument("-s", "--speed", dest="rate", type=float, default=3e-3)
    options.add_argument("--aside", dest="held", type=float, default=25.0, help="photographs to try it on, in percent")
    options.add_argument("--begin-with", dest="begin", type=str, default=False, help="file of an earlier net")
    chosen = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(12)
    net = TwoSizes(kinds=2, maps=6)
    if chosen.begin:
        net.load_state_dict(torch.load(chosen.begin, map_location=device))
    net.to(device)
    learn(net, device, chosen.passes, chosen.rows, rate=chosen.rate, held=chosen.held / 100)
