"""Ways to write a training that are read as what they do: each trains the same, with nothing left to do."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from plain_loop import (
    BODY,
    EPOCH,
    EVALUATION,
    FILES,
    LOADER,
    LOSS,
    MODEL,
    OPTIMIZER,
    PROGRAM,
    STEP,
    converted,
)

from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("styles") / "project", "bare").root


IMPORT = "import DataLoader, TensorDataset\n"
LISTED = """    model.eval()
    with torch.no_grad():
        losses = [nn.functional.mse_loss(model(xb), yb).item() for xb, yb in val_loader]
    print(f"epoch {epoch} val loss {sum(losses) / len(losses):.4f}")
"""
SUMMED = """    model.eval()
    with torch.no_grad():
        total = sum(nn.functional.mse_loss(model(xb), yb).item() for xb, yb in val_loader)
    print(f"epoch {epoch} val loss {total / len(val_loader):.4f}")
"""
ADJUST = """def adjust(optimizer, epoch):
    rate = 0.05 * 0.5**epoch
    for group in optimizer.param_groups:
        group["lr"] = rate


"""
TEACHER = """teacher = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
teacher.eval()
"""
TAUGHT = """        with torch.no_grad():
            wanted = teacher(xb)
        loss = nn.functional.mse_loss(model(xb), wanted)
"""
TRAINER = """class Base:
    def __init__(self, model, loader, rate):
        self.model, self.loader = model, loader
        self.optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    def loss_of(self, xb, yb):
        return nn.functional.mse_loss(self.model(xb), yb)


class Trainer(Base):
    def __init__(self, model, loader, val_loader, rate=0.05):
        super().__init__(model, loader, rate)
        self.val_loader = val_loader

    def loss_of(self, xb, yb):
        return super().loss_of(xb, yb) + 0.01 * self.model[0].weight.abs().sum()

    def step(self, xb, yb):
        loss = self.loss_of(xb, yb)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        total = 0.0
        for xb, yb in self.val_loader:
            total += nn.functional.mse_loss(self.model(xb), yb).item()
        print(f"val loss {total / len(self.val_loader):.4f}")

    def train(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            for xb, yb in self.loader:
                self.step(xb, yb)
            self.evaluate()


Trainer(model, train_loader, val_loader).train(3)
"""
ACCELERATED = """accelerator = Accelerator()
model, optimizer, train_loader, val_loader = accelerator.prepare(model, optimizer, train_loader, val_loader)
steps = 3 * len(train_loader) // accelerator.gradient_accumulation_steps
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=steps)
"""
READER = """def batches():
    for at in range(0, 32, 8):
        yield x[at : at + 8], y[at : at + 8]


"""
SHOWN = """    model.eval()
    with torch.no_grad():
        out = model(fixed)
    print(out.mean().item())
"""
SUM = """def sum_of(loader):
    total = 0.0
    for xb, _ in loader:
        total += xb.sum().item()
    return total


print(sum_of(train_loader))
"""
LIMITED = """parser = argparse.ArgumentParser()
parser.add_argument("--max-batches", type=int, help="to try it out")
args = parser.parse_args()
"""
TRAINING = PROGRAM[PROGRAM.index("optimizer = ") :]
PHASED = """PARTS = ("learn", "watch")
loaders = {
    "learn": DataLoader(TensorDataset(x[:32], y[:32]), batch_size=8, shuffle=True),
    "watch": DataLoader(TensorDataset(x[32:], y[32:]), batch_size=8),
}
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    for part in PARTS:
        learning = part == "learn"
        model.train(learning)
        total = 0.0
        for xb, yb in loaders[part]:
            with torch.set_grad_enabled(learning):
                loss = nn.functional.mse_loss(model(xb), yb)
            if learning:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item()
        print(f"{part} loss {total / len(loaders[part]):.4f}")
"""
GATHERED = """def fit(loader):
    model.train()
    for xb, yb in loader:
        loss = nn.functional.mse_loss(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def check(loader):
    model.eval()
    losses = []
    for xb, yb in loader:
        losses.append(nn.functional.mse_loss(model(xb), yb).item())
    print(f"val loss {sum(losses) / len(losses):.4f}")


sets = {"train": TensorDataset(x[:32], y[:32]), "val": TensorDataset(x[32:], y[32:])}
loaders = {part: DataLoader(rows, batch_size=8, shuffle=part == "train") for part, rows in sets.items()}
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    fit(loaders["train"])
    check(loaders["val"])
"""
RETURNED = (
    GATHERED.replace("loaders = {", "def loaders_of(size):\n    return {")
    .replace("batch_size=8", "batch_size=size")
    .replace("optimizer =", "loaders = loaders_of(8)\noptimizer =")
    .replace("len(losses):", "len(loader):")
)
BY_NAME = GATHERED.replace("rows", "sets[part]").replace(
    "part, sets[part] in sets.items()", 'part in ("train", "val")'
)
FITTED = """@torch.no_grad()
def score():
    model.eval()
    total = 0.0
    for xb, yb in val_loader:
        total += (model(xb) - yb).abs().mean().item()
    return total / len(val_loader)


def fit():
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for epoch in range(3):
        model.train()
        seen = 0.0
        for xb, yb in train_loader:
            loss = nn.functional.mse_loss(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += loss.item()
        print(f"loss {seen / len(train_loader):.4f}, distance of other rows {score():.4f}")


fit()
"""
MAKER = """class Net(nn.Sequential):
    def make_optimizer(self, rate):
        return torch.optim.SGD(self.parameters(), lr=rate)


"""
WRITTEN = """class Written(TensorDataset):
    def __init__(self, count):
        super().__init__(*self.write(count))

    @staticmethod
    def write(count):
        rows = torch.randn(count, 4)
        return rows, rows.sum(1, keepdim=True)


"""
# What a function reads that is around it.
OUTER = """def run():
    shift = 0.5

    def together(rows):
        return torch.stack([xb for xb, _ in rows]) + shift, torch.stack([yb for _, yb in rows])

"""
INNER = "    def fit():\n" + textwrap.indent(
    LOADER.replace("shuffle=True", "shuffle=True, collate_fn=together") + TRAINING, " " * 8
)
# By what it is: what of the program of the table is written otherwise, and what its files then have.
STYLES: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "phases that have names": (
        {TRAINING: PHASED},
        {"module": ["def validation_step("], "data": ["def val_dataloader("]},
    ),
    "a model that makes its optimizer": (
        {
            MODEL: MAKER + MODEL.replace("nn.Sequential(", "Net("),
            OPTIMIZER: "optimizer = model.make_optimizer(0.05)\n",
        },
        {"module": ["self.net.make_optimizer("]},
    ),
    "an optimizer that is made where it is returned": (
        {
            MODEL: "def build():\n    "
            + MODEL.replace("model =", "net =").replace(", nn.BatchNorm1d(8)", "")
            + "    return net, nn.MSELoss(), torch.optim.SGD(net.parameters(), lr=0.05)\n\n\n",
            OPTIMIZER: "model, cost, optimizer = build()\n",
            LOSS: LOSS.replace("nn.functional.mse_loss", "cost"),
        },
        {"module": ["self.cost = nn.MSELoss()", "return self.hparams.optimizer("], "model": ["  lr: 0.05\n"]},
    ),
    "a variable with the name of what an attribute holds": (
        {
            OPTIMIZER: "cost = nn.MSELoss()\n",
            TRAINING.replace(OPTIMIZER, ""): TRAINER.replace(
                "model, loader, rate):", "model, loader, rate, cost):"
            )
            .replace(
                "self.model, self.loader = model, loader",
                "self.model, self.loader, self.cost = model, loader, cost",
            )
            .replace(
                "return nn.functional.mse_loss(self.model(xb), yb)",
                "cost = self.cost(self.model(xb), yb)\n        return cost",
            )
            .replace("val_loader, rate=0.05):", "val_loader, cost, rate=0.05):")
            .replace("(model, loader, rate)", "(model, loader, rate, cost)")
            .replace("val_loader).train", "val_loader, cost).train"),
        },
        {"module": ["cost_ = self.cost(self.net(xb), yb)"]},
    ),
    "groups that a function makes": (
        {
            MODEL: "def groups(net, decay):\n"
            "    weights = [p for name, p in net.named_parameters() if name.endswith('weight')]\n"
            "    others = [p for name, p in net.named_parameters() if not name.endswith('weight')]\n"
            "    return [{'params': weights, 'weight_decay': decay}, {'params': others, 'weight_decay': 0.0}]\n\n\n"
            + MODEL,
            OPTIMIZER: "optimizer = torch.optim.AdamW(groups(model, 0.1), lr=0.05)\n",
        },
        {"module": ["self.hparams.optimizer(groups(self.net, 0.1))"], "model": ["  lr: 0.05\n"]},
    ),
    "data that a method draws": (
        {LOADER: WRITTEN + LOADER.replace("TensorDataset(x[:32], y[:32])", "Written(32)")},
        {"data": ["self.train_loader = DataLoader(Written(32)"]},
    ),
    "numbers that are drawn for a later look": (
        {
            OPTIMIZER: OPTIMIZER + "seeds = torch.randn(3, 4)\n",
            STEP: STEP + "        if i > 99:\n            torch.save(model(seeds), 'look.pt')\n",
        },
        {"module": ["# Nothing uses it, but it is drawn here.\n        seeds = torch.randn(3, 4)"]},
    ),
    "a tensor that is made on the device": (
        {
            "import random\n": "import random\n\nfrom accelerate import Accelerator\n",
            OPTIMIZER: OPTIMIZER + "accelerator = Accelerator()\n"
            "model, optimizer, train_loader = accelerator.prepare(model, optimizer, train_loader)\n"
            "shift = torch.full((1, 4), 0.5, device=accelerator.device)\n",
            LOSS: "        noise = torch.zeros(1, device=accelerator.device)\n"
            + LOSS.replace("(xb)", "(xb + shift + noise)"),
            "loss.backward()": "accelerator.backward(loss)",
        },
        {
            "module": [
                'self.register_buffer("shift", torch.full((1, 4), 0.5), persistent=False)',
                "noise = torch.zeros(1, device=self.device)",
            ]
        },
    ),
    "numbers that are drawn and moved for a later look": (
        {
            OPTIMIZER: OPTIMIZER + 'device = torch.device("cpu")\nseeds = torch.randn(3, 4).to(device)\n',
            STEP: STEP + "        if i > 99:\n            torch.save(model(seeds), 'look.pt')\n",
        },
        {
            "module": [
                'drawn here.\n        self.register_buffer("seeds", torch.randn(3, 4), persistent=False)'
            ]
        },
    ),
    "another name for the device": (
        {
            MODEL: 'dev = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n'
            + MODEL.replace("))", ")).to(dev)"),
            LOSS: LOSS.replace("(xb)", "(xb.to(dev))").replace("yb", "yb.to(dev)"),
        },
        {"module": ["self.net(xb), yb)"]},
    ),
    "a call of the model that nothing comes of": (
        {LOSS: "        spread = model(xb).std()\n" + LOSS + "        loss = loss / 1.0\n"},
        {"module": ["spread = self.net(xb).std()"]},
    ),
    "a call of the model that is only told": (
        {LOSS: '        print("before", model(xb).mean().item())\n' + LOSS},
        {"module": ["self.net(xb).mean().item()"]},
    ),
    "samples in a folder, and a type of tensors": (
        {
            "import random\n": 'import os\nimport random\n\nos.makedirs("samples", exist_ok=True)\n',
            MODEL: "cuda = True if torch.cuda.is_available() else False\n"
            f"{MODEL}Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor\n\n\n"
            "def sample(path):\n"
            "    with open(path, 'w') as file:\n"
            "        file.write(str(model(Tensor(2, 4).fill_(1.0)).tolist()))\n\n\n",
            STEP: STEP + '        if i == 0:\n            sample(f"samples/{epoch}.txt")\n',
        },
        {
            "module": [
                'def on_train_start(self) -> None:\n        os.makedirs("samples", exist_ok=True)\n',
                "\nTensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor\n",
                "            self.sample(f",
            ]
        },
    ),
    "functions in a function, one of which trains": (
        {LOADER: "", TRAINING: f"{OUTER}{INNER}\n    fit()\n\n\nrun()\n"},
        {"data": ["self.together = together", "collate_fn=self.together"], "module": ["return loss"]},
    ),
    "a branch that the environment decides": (
        {
            "import random\n": "import os\nimport random\n\nEPOCHS = 3\n",
            MODEL: MODEL + 'if os.environ.get("TESTING") == "1":\n    EPOCHS = 1\n',
            "range(3)": "range(EPOCHS)",
        },
        {"experiment": ["  max_epochs: 3\n"]},
    ),
    "a flag that is set in a branch that is always taken": (
        {
            OPTIMIZER: "fast = False\nif 2 > 1:\n    fast = True\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.05 if fast else 0.001)\n"
        },
        {"module": ["        fast = True\n        return torch.optim.SGD("]},
    ),
    "a constant that names what to go on from": (
        {
            "import random\n": "import random\n\nRESUME = None\nSTART = 0\n",
            OPTIMIZER: OPTIMIZER + "if RESUME:\n"
            "    checkpoint = torch.load(RESUME)\n"
            '    model.load_state_dict(checkpoint["model"])\n'
            '    START = checkpoint["epoch"] + 1\n',
            "range(3)": "range(START, 3)",
        },
        {"experiment": ["  max_epochs: 3\n"]},
    ),
    "a progress bar where the steps are made": (
        {
            "import random\n": "import random\n\nfrom tqdm import tqdm\n",
            OPTIMIZER: OPTIMIZER + "bar = tqdm(total=6)\n",
            STEP: "        if i % 2 == 0:\n            optimizer.step()\n            bar.update(1)\n",
        },
        {"module": ["        if i % 2 == 0:\n            optimizer.step()\n        self.log("]},
    ),
    "an evaluation where it is printed, beside the loss of the training": (
        {TRAINING: FITTED},
        {"module": ['self.log("val/distance", self.total / len(self.trainer.val_dataloaders)']},
    ),
    "loaders of the items of a dict": (
        {TRAINING: GATHERED},
        {"data": ["return DataLoader(self.sets['train'], batch_size=8, shuffle=True)"]},
    ),
    "a function that returns a dict of loaders": (
        {TRAINING: RETURNED},
        {
            "data": ["batch_size=self.hparams.size, shuffle=True)"],
            "module": ["sum(self.losses) / len(self.trainer.val_dataloaders)"],
        },
    ),
    "loaders by name": (
        {TRAINING: BY_NAME},
        {"data": ["return DataLoader(self.sets['val'], batch_size=8, shuffle=False)"]},
    ),
    "an evaluation in a list": (
        {EVALUATION: LISTED},
        {"module": ["def validation_step(", "self.losses.append(", 'self.log("val/loss"']},
    ),
    "losses of the training beside those of an evaluation": (
        {
            "import random\n": "import random\n\nimport numpy as np\n",
            EPOCH: "    collected = []\n" + EPOCH,
            STEP: STEP + "        collected.append(loss.item())\n",
            EVALUATION: LISTED.replace(
                "sum(losses) / len(losses):.4f}", "np.mean(losses)} loss {np.mean(collected)}"
            ),
        },
        {"module": ['self.log("val/loss", np.mean(self.losses)']},
    ),
    "an evaluation in a sum": (
        {EVALUATION: SUMMED},
        {"module": ["def validation_step(", 'self.log("val/loss"']},
    ),
    "a function that sets the rate of an epoch": (
        {LOADER: ADJUST + LOADER, EPOCH: EPOCH + "    adjust(optimizer, epoch)\n"},
        {
            "module": [
                "def on_train_epoch_start",
                "rate = 0.05 * 0.5**self.current_epoch",
                "        return loss",
            ]
        },
    ),
    "a function that sets the rate of a step": (
        {LOADER: ADJUST + LOADER, STEP: "        adjust(optimizer, i)\n" + STEP},
        {"module": ["adjust(optimizer, i)"]},
    ),
    "a teacher that is made before": (
        {MODEL: TEACHER + MODEL, LOSS: TAUGHT},
        {"module": ["self.teacher, self.model = nets"]},
    ),
    "a class that trains, in one expression": (
        {TRAINING: TRAINER},
        {"module": ["def validation_step(", "        return loss"]},
    ),
    "an accelerator that is asked": (
        {
            IMPORT: IMPORT + "from accelerate import Accelerator\n",
            OPTIMIZER: OPTIMIZER + ACCELERATED,
            STEP: STEP + "        schedule.step()\n",
            "        loss.backward()\n": "        accelerator.backward(loss)\n",
        },
        {"module": ["        return loss"]},
    ),
    "a loader by the name of its module": (
        {
            IMPORT: "import TensorDataset\n",
            LOADER: LOADER.replace("DataLoader", "torch.utils.data.DataLoader"),
            "val_loader = DataLoader": "val_loader = torch.utils.data.DataLoader",
            EPOCH: EPOCH + "    order = torch.randperm(4)\n",
            LOSS: LOSS.replace("(xb)", "(xb[:, order])"),
        },
        {"data": ["return LateLoader("]},
    ),
    "a function that yields what the program made": (
        {LOADER: READER, "enumerate(train_loader)": "enumerate(batches())"},
        {"data": ["return Batches(lambda: batches("]},
    ),
    "batches that are counted from one": (
        {"enumerate(train_loader)": "enumerate(train_loader, 1)", LOSS: LOSS.replace(", yb)", ", yb) * i")},
        {},
    ),
    "an option that cuts an epoch, and is not given": (
        {
            "import random\n": "import argparse\nimport random\n",
            LOADER: LIMITED + LOADER,
            BODY: "        if args.max_batches is not None and i >= args.max_batches:\n            break\n"
            + BODY,
        },
        {"experiment": ["limit_train_batches: null # to try it out"]},
    ),
    "a batch that is looked at after each epoch": (
        {
            OPTIMIZER: OPTIMIZER + "fixed, _ = next(iter(val_loader))\n",
            EVALUATION: SHOWN,
        },
        {"module": ["self.fixed, _ = next(iter(self.val_loader))"]},
    ),
    "a function that goes through a loader before the model": (
        {MODEL: SUM + MODEL},
        {"data": ["print(sum_of(self.train_loader))", "self.train_loader = DataLoader("]},
    ),
    "two loaders side by side": (
        {
            LOADER: LOADER + LOADER.replace("train_loader", "other_loader"),
            "for i, (xb, yb) in enumerate(train_loader)": "for (xb, yb), (xo, yo) in zip(train_loader, other_loader)",
            LOSS: LOSS + "        loss = loss + nn.functional.mse_loss(model(xo), yo)\n",
        },
        {"module": ["(xb, yb), (xo, yo) = batch"], "data": ["return Batches(lambda: zip("]},
    ),
    "a list that is shuffled": (
        {
            LOADER: "batches = []\nfor at in range(0, 32, 8):\n    batches.append((x[at : at + 8], y[at : at + 8]))\n",
            "enumerate(train_loader)": "enumerate(batches)",
            EPOCH: EPOCH + "    random.shuffle(batches)\n",
        },
        {"module": ["random.shuffle(self.trainer.datamodule.batches)"]},
    ),
    "accumulates a loss that is divided before": (
        {
            BODY: LOSS
            + "        loss = loss / EVERY\n        loss.backward()\n"
            + "        if (i + 1) % EVERY == 0 or (i + 1) == len(train_loader):\n"
            + "            nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
            + "            optimizer.step()\n            optimizer.zero_grad()\n",
            "torch.manual_seed": "EVERY = 3\ntorch.manual_seed",
        },
        {
            "experiment": ["accumulate_grad_batches: 3", "gradient_clip_val: 1.0"],
            "module": ["        return loss"],
        },
    ),
}


@pytest.mark.parametrize(("changes", "written"), STYLES.values(), ids=STYLES)
def test_a_style_trains_the_same(
    project: Path, tmp_path: Path, changes: dict[str, str], written: dict[str, list[str]]
) -> None:
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "Accelerator" not in found.files[FILES["module"]] + found.files[FILES["data"]]
    for file, texts in written.items():
        for text in texts:
            assert text in found.files[FILES[file]]
