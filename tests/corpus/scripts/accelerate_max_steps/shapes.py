"""Digits by a small network, for so many updates; without a number of these, for so many rounds of the data."""

import argparse
import logging
import math
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassAccuracy
from tqdm.auto import tqdm
from transformers import get_scheduler

log = logging.getLogger("shapes")


class Shapes(Dataset):
    def __init__(self, begin, end):
        pixels, names = load_digits(return_X_y=True)
        self.pixels = torch.tensor(pixels[begin:end], dtype=torch.float32) / 16
        self.names = torch.tensor(names[begin:end])

    def __len__(self):
        return len(self.names)

    def __getitem__(self, place):
        return {"pixels": self.pixels[place], "names": self.names[place]}


class Reader(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(0.1))
        self.head = nn.Linear(width, 10)

    def forward(self, pixels, names=None):
        scores = self.head(self.body(pixels))
        loss = None if names is None else nn.functional.cross_entropy(scores, names)
        return {"loss": loss, "scores": scores}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3, help="how often the data is gone through")
    parser.add_argument("--updates", type=int, default=None, help="how many updates there are, whatever the rounds")
    parser.add_argument("--accumulate", type=int, default=1, help="batches of one update")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--decay", type=float, default=0.01)
    parser.add_argument("--curve", default="linear", choices=["linear", "cosine", "constant_with_warmup"])
    parser.add_argument("--warmup", type=int, default=0)
    parser.add_argument("--keep", default=None, help="'round', or after how many updates to save the state")
    parser.add_argument("--go-on-from", default=None, help="a folder with a state that was saved")
    parser.add_argument("--track", action="store_true")
    parser.add_argument("--seed", type=int, default=None)
    return parser.parse_args()


def main():
    opts = options()
    logging.basicConfig(level=logging.INFO)
    accelerator = Accelerator()
    if opts.seed is not None:
        set_seed(opts.seed)
    train_loader = DataLoader(Shapes(0, 1400), shuffle=True, batch_size=opts.batch)
    test_loader = DataLoader(Shapes(1400, 1797), batch_size=opts.batch)
    model = Reader(width=48)
    plain = [p for name, p in model.named_parameters() if name.endswith("bias") or "body.1" in name]
    decayed = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "body.1" in name)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": opts.decay}, {"params": plain, "weight_decay": 0.0}], lr=opts.rate
    )

    by_rounds = False
    updates_a_round = math.ceil(len(train_loader) / opts.accumulate)
    if opts.updates is None:
        opts.updates = opts.rounds * updates_a_round
        by_rounds = True
    schedule = get_scheduler(opts.curve, optimizer, num_warmup_steps=opts.warmup, num_training_steps=opts.updates)
    model, optimizer, train_loader, test_loader, schedule = accelerator.prepare(
        model, optimizer, train_loader, test_loader, schedule
    )
    # Over several processes each has fewer batches.
    updates_a_round = math.ceil(len(train_loader) / opts.accumulate)
    if by_rounds:
        opts.updates = opts.rounds * updates_a_round
    opts.rounds = math.ceil(opts.updates / updates_a_round)

    every = int(opts.keep) if opts.keep is not None and opts.keep.isdigit() else opts.keep
    if opts.track:
        accelerator.init_trackers("shapes", vars(opts))
    accuracy = MulticlassAccuracy(num_classes=10, average="micro")
    log.info(f"{opts.updates} updates in {opts.rounds} rounds")
    bar = tqdm(range(opts.updates), disable=not accelerator.is_local_main_process)
    first_round, done = 0, 0
    if opts.go_on_from:
        accelerator.load_state(opts.go_on_from)
        first_round = int(Path(opts.go_on_from).name.split("-")[1]) + 1
        done = first_round * updates_a_round
        bar.update(done)

    for turn in range(first_round, opts.rounds):
        model.train()
        if opts.track:
            summed = 0
        for number, batch in enumerate(train_loader):
            loss = model(**batch)["loss"]
            if opts.track:
                summed += loss.detach().float()
            accelerator.backward(loss / opts.accumulate)
            if number % opts.accumulate == 0 or number == len(train_loader) - 1:
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                bar.update(1)
                done += 1
            if isinstance(every, int) and done % every == 0:
                accelerator.save_state(f"update-{done}")
            if done >= opts.updates:
                break

        model.eval()
        for batch in test_loader:
            with torch.no_grad():
                given = model(**batch)
            found, names = accelerator.gather_for_metrics((given["scores"].argmax(dim=-1), batch["names"]))
            accuracy.update(found, names)
        value = accuracy.compute()
        accuracy.reset()
        log.info(f"round {turn}: accuracy {value:.4f}")
        if opts.track:
            accelerator.log({"accuracy": value, "loss": summed.item() / len(train_loader)})
        if every == "round":
            accelerator.save_state(f"round-{turn}")


if __name__ == "__main__":
    main()
