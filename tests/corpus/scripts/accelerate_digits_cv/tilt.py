"""By how much is a digit turned? A convolutional net names one of five angles; Accelerate saves and tracks it."""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

ANGLES = (-60, -30, 0, 30, 60)


class Turned(Dataset):
    """Each digit comes at one angle, which is drawn when the set is made."""

    def __init__(self, pictures, dice, noise=None):
        self.answers = dice.integers(len(ANGLES), size=len(pictures))
        self.pictures = [
            rotate(picture, ANGLES[answer], reshape=False, order=1)
            for picture, answer in zip(pictures, self.answers)
        ]
        self.noise = noise

    def __getitem__(self, n):
        picture = torch.from_numpy(self.pictures[n]).float().unsqueeze(0)
        if self.noise:
            picture = picture + self.noise * torch.randn_like(picture)
        return {"picture": picture, "answer": int(self.answers[n])}

    def __len__(self):
        return len(self.pictures)


class Eye(nn.Module):
    def __init__(self, width, answers):
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, width, 3), nn.GroupNorm(4, width), nn.SiLU())
        self.think = nn.Sequential(nn.Conv2d(width, 2 * width, 3, stride=2), nn.BatchNorm2d(2 * width), nn.SiLU())
        self.say = nn.Linear(2 * width * 4, answers)

    def forward(self, pictures):
        return self.say(self.think(self.look(pictures)).flatten(1))


def keep(accelerator, folder, name):
    accelerator.save_state(name if folder is None else str(Path(folder) / name))


def run(hp, args):
    places = ProjectConfiguration(project_dir=args.journal, automatic_checkpoint_naming=False)
    if args.journal is not None:
        accelerator = Accelerator(
            mixed_precision=args.precision, cpu=args.no_gpu, log_with="all", project_config=places
        )
        accelerator.init_trackers(Path(__file__).stem, hp)
    else:
        accelerator = Accelerator(mixed_precision=args.precision, cpu=args.no_gpu, project_config=places)

    # "epoch", a number of updates in digits, or nothing at all
    rhythm = None
    if args.keep is not None:
        if args.keep == "epoch":
            rhythm = "epoch"
        elif args.keep.isdigit():
            rhythm = int(args.keep)
        else:
            raise SystemExit(f"--keep takes the word epoch or a number, and {args.keep} is neither")

    set_seed(hp["seed"])
    pictures = load_digits().images / 16
    order = np.random.permutation(len(pictures))
    seen, unseen = order[300:], order[:300]
    dice = np.random.default_rng(hp["seed"])
    turned = Turned(pictures[seen], dice, hp["noise"])
    turned_unseen = Turned(pictures[unseen], dice)
    train = DataLoader(turned, batch_size=hp["batch"], shuffle=True)
    check = DataLoader(turned_unseen, batch_size=hp["batch"])

    eye = Eye(hp["width"], len(ANGLES)).to(accelerator.device)
    # the first convolution stays as it was drawn, its norm and the rest learn
    for weight in eye.look[0].parameters():
        weight.requires_grad = False

    # brightness of the pixels that are taken for grey and for one step from it
    grey = torch.full((1, 1, 1, 1), 0.29).to(accelerator.device)
    step = torch.full((1, 1, 1, 1), 0.36).to(accelerator.device)

    opt = torch.optim.NAdam(eye.parameters(), lr=hp["top"] / 20)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        opt, max_lr=hp["top"], total_steps=hp["epochs"] * len(train), pct_start=0.25
    )
    eye, opt, cycle, train, check = accelerator.prepare(eye, opt, cycle, train, check)

    updates = 0
    for epoch in range(hp["epochs"]):
        eye.train()
        if args.journal is not None:
            summed = 0.0
        for batch in train:
            batch = {key: value.to(accelerator.device) for key, value in batch.items()}
            scores = eye((batch["picture"] - grey) / step)
            loss = F.cross_entropy(scores, batch["answer"], label_smoothing=0.05)
            if args.journal is not None:
                summed += loss.detach().float()
            accelerator.backward(loss)
            opt.step()
            cycle.step()
            opt.zero_grad()
            updates += 1
            if isinstance(rhythm, int) and updates % rhythm == 0:
                keep(accelerator, args.folder, f"after_{updates}")

        eye.eval()
        right, asked, off = 0, 0, 0.0
        for batch in check:
            batch = {key: value.to(accelerator.device) for key, value in batch.items()}
            with torch.no_grad():
                named = eye((batch["picture"] - grey) / step).argmax(1)
            named, answer = accelerator.gather_for_metrics((named, batch["answer"]))
            right += (named == answer).sum().item()
            asked += len(answer)
            # neighbours are 30 degrees apart
            off += 30 * (named - answer).abs().sum().item()

        accuracy = right / asked
        degrees = off / asked
        accelerator.print(f"{epoch}: accuracy {accuracy:.3f}, error {degrees:.1f} degrees")
        if args.journal is not None:
            numbers = {"accuracy": accuracy, "degrees": degrees, "train_loss": summed.item() / len(train)}
            accelerator.log(numbers, step=updates)
        if rhythm == "epoch":
            keep(accelerator, args.folder, f"epoch_{epoch}")

    accelerator.end_training()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--precision", choices=["no", "fp16", "bf16"], help="as accelerate is set up, if absent")
    ap.add_argument("--no_gpu", action="store_true", help="stay on the processor")
    ap.add_argument("--keep", help="when to save: epoch, or every so many updates")
    ap.add_argument("--folder", help="saved states go here")
    ap.add_argument("--journal", help="folder of the curves; none are drawn without it")
    hp = {"top": 2e-2, "epochs": 4, "batch": 48, "width": 12, "noise": 0.02, "seed": 5}
    run(hp, ap.parse_args())


if __name__ == "__main__":
    main()
