"""Learns to continue a book letter by letter, on windows that are drawn anywhere in it."""
import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from model import Continuer, Shape

# ---- what happens how often, in updates
CHECK = 20
CHECK_DRAWS = 3
TALK = 5
# ---- one update
PARTS = 2          # windows come in this many parts, their gradients are added
ROWS = 8
SPAN = 32
LARGEST = 1.0      # norm of the gradient, 0 lets it be
# ---- rate
PEAK = 5e-3
FLOOR = 5e-4
RAMP = 5
CONSTANT = False
# ---- files
FOLDER = Path("kept")
GO_ON = False      # begin with what FOLDER holds
ONLY_CHECK = False
KEEP_ALL = False

cli = argparse.ArgumentParser()
cli.add_argument("--data", required=True, help="the book, plain text")
cli.add_argument("--updates", type=int, default=600, help="how many times the weights change")
wanted = cli.parse_args()
updates = wanted.updates

FOLDER.mkdir(exist_ok=True)
torch.manual_seed(1818)
device = "cuda" if torch.cuda.is_available() else "cpu"

book = Path(wanted.data).read_text(encoding="utf-8")
alphabet, codes = np.unique(list(book), return_inverse=True)
border = len(codes) * 9 // 10
pools = {
    "learn": np.lib.stride_tricks.sliding_window_view(codes[:border], SPAN + 1),
    "check": np.lib.stride_tricks.sliding_window_view(codes[border:], SPAN + 1),
}
print(f"{len(book)} letters, {len(alphabet)} different ones; {PARTS * ROWS * SPAN} are read per update")


def windows(pool):
    places = torch.randint(len(pools[pool]), (ROWS,))
    rows = torch.from_numpy(pools[pool][places.numpy()].astype(np.int64))
    if device == "cuda":
        rows = rows.pin_memory().to(device, non_blocking=True)
    return rows[:, :-1], rows[:, 1:]


done = 0
lowest = float("inf")
shape = dict(letters=len(alphabet), span=SPAN, width=32, heads=2, depth=2, forget=0.1)
if not GO_ON:
    net = Continuer(Shape(**shape))
else:
    kept = torch.load(FOLDER / "best.pt", map_location=device)
    shape, done, lowest = kept["shape"], kept["done"], kept["lowest"]
    net = Continuer(Shape(**shape))
    net.load_state_dict(kept["net"])
net.to(device)
opt = net.configure_optimizers(PEAK, shrink=0.1)
if GO_ON:
    opt.load_state_dict(kept["opt"])
    del kept


@torch.no_grad()
def check():
    net.eval()
    means = {}
    for pool in pools:
        found = torch.empty(CHECK_DRAWS)
        for draw in range(CHECK_DRAWS):
            text, follows = windows(pool)
            found[draw] = net(text, follows)[1].item()
        means[pool] = found.mean()
    net.train()
    return means


def rate_at(n):
    if n < RAMP:
        return PEAK * (n + 1) / (RAMP + 1)
    if n > updates:
        return FLOOR
    left = (updates - n) / (updates - RAMP)
    assert 0 <= left <= 1
    return FLOOR + (PEAK - FLOOR) * left ** 1.5


text, follows = windows("learn")
clock = perf_counter()
here = 0
while True:
    rate = PEAK if CONSTANT else rate_at(done)
    for group in opt.param_groups:
        group["lr"] = rate

    if done % CHECK == 0:
        means = check()
        print(f"{done:5d} updates  learn {means['learn']:.4f}  check {means['check']:.4f}")
        if KEEP_ALL or means["check"] < lowest:
            lowest = means["check"]
            if done:
                torch.save({"net": net.state_dict(), "opt": opt.state_dict(), "shape": shape,
                            "done": done, "lowest": lowest}, FOLDER / "best.pt")
                print("      kept")
    if ONLY_CHECK and done == 0:
        break

    for part in range(PARTS):
        votes, loss = net(text, follows)
        loss = loss / PARTS
        text, follows = windows("learn")  # the next ones, while this one is worked on
        loss.backward()
    if LARGEST:
        torch.nn.utils.clip_grad_norm_(net.parameters(), LARGEST)
    opt.step()
    opt.zero_grad(set_to_none=True)

    now = perf_counter()
    if done % TALK == 0:
        print(f"{done:5d}  last part {loss.item() * PARTS:.4f}  rate {rate:.1e}  {now - clock:.3f} s")
    clock = now
    done += 1
    here += 1
    if done > updates:
        break
print(f"{here} updates in this run")
