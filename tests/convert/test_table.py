"""What a loop does and Lightning would do otherwise keeps its losses: a row for each way in which people train."""

from __future__ import annotations

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
    return new_project(tmp_path_factory.mktemp("table") / "project", "bare").root


def instead(old: str, new: str) -> dict[str, str]:
    return {old: new}


SPLIT = LOADER.replace("TensorDataset(x[:32], y[:32])", "train_set")
OWN = LOADER.replace("shuffle=True", "shuffle=True, generator=g")
STREAM = """class Stream(IterableDataset):
    def __init__(self, first, last):
        self.rows = list(range(first, last))

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        for row in self.rows:
            yield x[row], y[row]
        random.shuffle(self.rows)


"""
BATCHES = (
    STREAM.replace("(IterableDataset)", "")
    .replace("len(self.rows)", "len(self.rows) // 8")
    .replace("for row in self.rows", "for at in range(0, len(self.rows), 8)")
    .replace("yield x[row], y[row]", "rows = self.rows[at : at + 8]\n            yield x[rows], y[rows]")
)
NOISY = """class Noisy(TensorDataset):
    def __getitem__(self, index):
        xb, yb = super().__getitem__(index)
        return xb + 0.1 * torch.randn(4), yb


"""
FUNCTION = """def batches():
    order = list(range(32))
    for at in range(0, 32, 8):
        yield x[order[at : at + 8]], y[order[at : at + 8]]
    random.shuffle(order)
    torch.rand(1)


"""
PLAIN = """class Plain(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad


"""
IMPORT = "import DataLoader, TensorDataset\n"
CUT = "        if i >= LIMIT:\n            break\n"
ACCUMULATED = (
    LOSS
    + """        (loss / 2).backward()
        if (i + 1) % 2 == 0 or i + 1 == len(train_loader):
            optimizer.step()
            optimizer.zero_grad()
"""
)
AUTOCAST = '        with torch.autocast("cpu", dtype=torch.bfloat16):\n'
GROUPS = """optimizer = torch.optim.SGD(
    [{"params": model[0].parameters(), "lr": 0.01}, {"params": model[1:].parameters()}], lr=0.05
)
"""
CLIP = "        nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n"
BACKWARD = "        loss.backward()\n"
CLOSURE = """        def closure():
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(xb), yb)
            loss.backward()
            return loss

        optimizer.step(closure)
"""
INTERRUPTED = "try:\n" + PROGRAM[PROGRAM.index("for epoch") :].replace("\n", "\n    ").rstrip(" ")
INTERRUPTED = (
    INTERRUPTED.replace("try:\nfor", "try:\n    for")
    + """except KeyboardInterrupt:
    print("stopped")
finally:
    print("done")
"""
)
# By what the original does: what of the program is written otherwise, and what its files then have.
ROWS: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "splits data before the model": (
        {
            LOADER: "train_set, _ = torch.utils.data.random_split(TensorDataset(x[:40], y[:40]), [32, 8])\n"
            + SPLIT
        },
        {"data": ["# Made here, before the model, as random numbers are drawn in this order."]},
    ),
    "one generator for two loaders": (
        {
            LOADER: "g = torch.Generator().manual_seed(1)\n" + OWN,
            "[32:]), batch_size=8": "[32:]), batch_size=5, shuffle=True, generator=g",
        },
        {"experiment": ["num_sanity_val_steps: 0"]},
    ),
    "own generator, a multiple of the batch": (
        {LOADER: "g = torch.Generator().manual_seed(1)\n" + OWN},
        {"data": ["class ExhaustedLoader(DataLoader):", "return ExhaustedLoader("]},
    ),
    "own generator, no multiple of the batch": (
        {LOADER: "g = torch.Generator().manual_seed(1)\n" + OWN.replace("32", "35")},
        {"data": ["return DataLoader("]},
    ),
    "a data set that goes on after its last item": (
        {
            IMPORT: IMPORT.replace("DataLoader,", "DataLoader, IterableDataset,"),
            LOADER: STREAM + "train_loader = DataLoader(Stream(0, 32), batch_size=8)\n",
        },
        {"data": ["return Batches(lambda: self.train_loader)"]},
    ),
    "a loader of its own that goes on after its last batch": (
        {LOADER: BATCHES + "train_loader = Stream(0, 32)\n"},
        {"data": ["return Batches(lambda: self.train_loader)"]},
    ),
    "a function that goes on after its last batch": (
        {LOADER: FUNCTION, "enumerate(train_loader)": "enumerate(batches())"},
        {"data": ["return Batches("]},
    ),
    "a range over tensors": (
        {
            "for i, (xb, yb) in enumerate(train_loader)": "for i in range(0, 32, 8)",
            BODY: "        xb, yb = x[i : i + 8], y[i : i + 8]\n" + BODY,
        },
        {"data": ["return range(0, 32, 8)"]},
    ),
    "a list of batches": (
        {
            LOADER: "batches = list(zip(x[:32].split(8), y[:32].split(8)))\n",
            "enumerate(train_loader)": "enumerate(batches)",
        },
        {"data": ["return DataLoader(self.batches, batch_size=None, generator=torch.Generator())"]},
    ),
    "batches that are zipped": (
        {LOADER: "", "enumerate(train_loader)": "enumerate(zip(x[:32].split(8), y[:32].split(8)))"},
        {"data": ["return Batches(lambda: zip(self.x[:32].split(8), self.y[:32].split(8)))"]},
    ),
    "no validation": ({EVALUATION: ""}, {"data": ["def train_dataloader"]}),
    "a final test only": (
        {EVALUATION: EVALUATION.replace("\n    ", "\n").replace("    model", "model", 1)},
        {"experiment": ["test: true"], "module": ["def test_step("]},
    ),
    "draws numbers at the start of an epoch": (
        {EPOCH: EPOCH + "    order = torch.randperm(4)\n", LOSS: LOSS.replace("(xb)", "(xb[:, order])")},
        {"data": ["return LateLoader("], "module": ["self.order = torch.randperm(4)"]},
    ),
    "draws a number of Python at the start of an epoch": (
        {EPOCH: EPOCH + "    scale = random.random()\n", LOSS: LOSS.replace("(xb)", "(xb * scale)")},
        {"data": ["return DataLoader("], "module": ["self.scale = random.random()"]},
    ),
    "evaluates before training": (
        {
            "for epoch": "def evaluate():\n"
            + EVALUATION.replace(" {epoch}", "")
            + "\n\nevaluate()\nfor epoch",
            EVALUATION: "    evaluate()\n",
        },
        {"experiment": ["validate: true"]},
    ),
    "evaluates without eval": (
        instead("    model.eval()\n", ""),
        {"module": ["def on_validation_model_eval"]},
    ),
    "calls train once": (
        {EPOCH: "", "for epoch": "model.train()\nfor epoch"},
        {"module": ["def on_validation_model_train"]},
    ),
    "accumulates, steps on the last batch": (
        {BODY: ACCUMULATED.replace("% 2", "% 3").replace("/ 2", "/ 3")},
        {"experiment": ["accumulate_grad_batches: 3"], "module": ["        return loss"]},
    ),
    "accumulates, the rest is carried over": (
        {BODY: ACCUMULATED.replace(" or i + 1 == len(train_loader)", "").replace("% 2", "% 3")},
        {"module": ["self.automatic_optimization = False"]},
    ),
    "accumulates, steps on the first batch": (
        {BODY: ACCUMULATED.replace("(i + 1) % 2", "i % 2")},
        {"module": ["self.automatic_optimization = False"]},
    ),
    "clips several groups": (
        {OPTIMIZER: GROUPS, STEP: CLIP + STEP},
        {"module": ["def configure_gradient_clipping("]},
    ),
    "clips before backward": (
        {BACKWARD: CLIP + BACKWARD},
        {"module": ["nn.utils.clip_grad_norm_(self.net.parameters(), 0.1)"]},
    ),
    "breaks at the top": (
        {BODY: CUT + BODY, "torch.manual_seed": "LIMIT = 3\ntorch.manual_seed"},
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "breaks at the top, numbers are drawn for a batch": (
        {
            LOADER: NOISY + LOADER.replace("TensorDataset", "Noisy"),
            BODY: CUT + BODY,
            "torch.manual_seed": "LIMIT = 3\ntorch.manual_seed",
            EVALUATION: "",
        },
        {"module": ["return -1 if batch_idx == self.hparams.limit else None"]},
    ),
    "breaks at the bottom": (
        {STEP: STEP + CUT.replace("i >=", "i + 1 =="), "torch.manual_seed": "LIMIT = 3\ntorch.manual_seed"},
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "breaks at the bottom, numbers are drawn for a batch": (
        {LOADER: NOISY + LOADER.replace("TensorDataset", "Noisy"), STEP: STEP + CUT.replace("LIMIT", "2")},
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "breaks in the evaluation": (
        {
            "        for xb, yb in val_loader:\n": "        for i, (xb, yb) in enumerate(val_loader):\n"
            "            if i == 1:\n                break\n"
        },
        {"experiment": ["limit_val_batches: 1"]},
    ),
    "steps with a closure": ({BODY: CLOSURE}, {"module": ["        return loss"]}),
    "steps LBFGS with a closure": (
        {BODY: CLOSURE, OPTIMIZER: "optimizer = torch.optim.LBFGS(model.parameters(), lr=0.05)\n"},
        {"module": ["        return loss"]},
    ),
    "a schedule per step": (
        {
            OPTIMIZER: OPTIMIZER + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)\n",
            STEP: STEP + "        schedule.step()\n",
        },
        {"module": ['"interval": "step"']},
    ),
    "a schedule at the end of an epoch": (
        {
            OPTIMIZER: OPTIMIZER + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)\n",
            "    model.eval()\n": "    schedule.step()\n    model.eval()\n",
        },
        {"module": ['"interval": "epoch"']},
    ),
    "a schedule at the start of an epoch": (
        {
            OPTIMIZER: OPTIMIZER + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)\n",
            EPOCH: "    schedule.step()\n" + EPOCH,
        },
        {"module": ["def on_train_epoch_start"]},
    ),
    "a plateau on the mean validation loss": (
        {
            OPTIMIZER: OPTIMIZER
            + "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.9)\n",
            "    print(f": "    val_loss = total / len(val_loader)\n    schedule.step(val_loss)\n    print(f",
        },
        {"module": ['"monitor": "val/loss"']},
    ),
    "autocast over the forward": (
        {
            LOSS: AUTOCAST
            + "            out = model(xb)\n        loss = nn.functional.mse_loss(out.float(), yb)\n"
        },
        {"module": ['with torch.autocast("cpu", dtype=torch.bfloat16):']},
    ),
    "autocast over forward and loss": (
        {LOSS: AUTOCAST + "    " + LOSS},
        {"module": ['with torch.autocast("cpu", dtype=torch.bfloat16):']},
    ),
    "chooses what it trains, and what trains it": (
        {
            MODEL: 'KIND, MOMENTUM, DECAY = "deep", 0.0, None\n'
            'if KIND == "wide":\n    model = nn.Linear(4, 1)\n'
            f'elif KIND == "deep":\n    {MODEL}else:\n    raise ValueError(KIND)\n',
            OPTIMIZER: f"if MOMENTUM:\n    {OPTIMIZER.replace('0.05', '0.05, momentum=MOMENTUM')}"
            f"else:\n    {OPTIMIZER}"
            "schedule = None\n"
            "if DECAY:\n    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, DECAY)\n",
            EPOCH: EPOCH + "    if schedule is not None:\n        schedule.step()\n",
        },
        {"model": ["torch.optim.SGD", "  lr: 0.05\n"]},
    ),
    "augments in workers": (
        {
            LOADER: NOISY.replace("0.1 *", "random.random() *")
            + LOADER.replace("TensorDataset", "Noisy").replace("shuffle", "num_workers=2, shuffle"),
        },
        {"data": ["num_workers=2, shuffle=True"]},
    ),
    "imports all that a library has": (
        {
            "import random\n": "from random import *\nfrom torch.nn.functional import *\n",
            MODEL: "def slope():\n    return choice([0.1, 0.2])\n\n\n"
            + MODEL.replace("))", "), nn.LeakyReLU(slope()))"),
            LOSS: LOSS.replace("nn.functional.mse_loss", "mse_loss"),
        },
        {"module": ["from torch.nn.functional import mse_loss"]},
    ),
    "asks for an accelerator": (
        {
            MODEL: "if torch.accelerator.is_available():\n"
            "    device = torch.accelerator.current_accelerator()\n"
            f'else:\n    device = torch.device("cpu")\n{MODEL}',
            LOSS: "        noise = torch.zeros(1, device=device)\n"
            + LOSS.replace("(xb)", "(xb.to(device) + noise)").replace("yb", "yb.to(device)"),
        },
        {"module": ["torch.zeros(1, device=self.device)", "self.net(xb + noise), yb)"]},
    ),
    "asks a loader for its length": (
        {
            MODEL: "steps = len(list(train_loader))\n" + MODEL,
            OPTIMIZER: OPTIMIZER + "schedule = torch.optim.lr_scheduler.StepLR(optimizer, steps)\n",
            STEP: STEP + "        schedule.step()\n",
        },
        {"data": ["self.steps = len(list(self.train_loader))"]},
    ),
    "peeks at a batch before the model": (
        {MODEL: "x0, y0 = next(iter(train_loader))\nprint(x0.shape)\n" + MODEL},
        {"data": ["x0, y0 = next(iter(self.train_loader))"]},
    ),
    "tells a batch before the model": (
        {MODEL: "print(next(iter(train_loader))[0].shape)\n" + MODEL},
        {"data": ["print(next(iter(self.train_loader))[0].shape)"]},
    ),
    "peeks at a batch after the model": (
        {OPTIMIZER: OPTIMIZER + "x0, y0 = next(iter(train_loader))\nprint(x0.shape)\n"},
        {"module": ["x0, y0 = next(iter(train_loader))"]},
    ),
    "peeks through a class after the model": (
        {
            MODEL: "class First:\n    def __init__(self, loader):\n        self.batch = next(iter(loader))\n\n\n"
            + MODEL,
            OPTIMIZER: OPTIMIZER + "first = First(train_loader)\n",
            LOSS: LOSS.replace("mse_loss(", "mse_loss(0 * model(first.batch[0]).mean() + "),
        },
        {"module": ["class First:", "self.first = First(train_loader)"]},
    ),
    "seeds anew each time": (
        instead("torch.manual_seed(3)\n", "import time\n\ntorch.manual_seed(time.time_ns() % 2**31)\n"),
        {"experiment": ["\nseed: "]},
    ),
    "a model of a size that the data have": (
        {
            MODEL: MODEL.replace("nn.Linear(4, 8)", "nn.Linear(x.shape[1], 8)")
            + "model.apply(torch.nn.Module.float)\n"
        },
        {"model": ["  x_shape_1: 4 # x.shape[1] of its data"]},
    ),
    "a model of numbers that are computed of the data": (
        {
            MODEL: "rows, width = x.shape\nsizes = dict(inside=width)\n"
            + MODEL.replace("nn.Linear(4, 8)", "nn.Linear(width, 8)"),
        },
        {"model": ["  width: 4 # width of its data"]},
    ),
    "an optimizer that takes no closure": (
        {MODEL: PLAIN + MODEL, "torch.optim.SGD(": "Plain("},
        {"module": ["def step(self, closure=None):", "        return loss"]},
    ),
    "an optimizer that takes no closure, steps kept": (
        {MODEL: PLAIN + MODEL, "torch.optim.SGD(": "Plain(", BACKWARD: CLIP + BACKWARD},
        {"module": ["def step(self, closure=None):", "self.automatic_optimization = False"]},
    ),
    "may be interrupted": ({PROGRAM[PROGRAM.index("for epoch") :]: INTERRUPTED}, {}),
    "may be interrupted, and is tested after it": (
        {
            PROGRAM[PROGRAM.index("for epoch") :]: INTERRUPTED.replace('finally:\n    print("done")\n', "")
            + EVALUATION.replace("\n    ", "\n").replace("    model", "model", 1).replace("epoch {epoch}", "")
        },
        {"experiment": ["test: true"]},
    ),
}


@pytest.mark.parametrize(("changes", "written"), ROWS.values(), ids=ROWS)
def test_a_row_of_the_table_trains_the_same(
    project: Path, tmp_path: Path, changes: dict[str, str], written: dict[str, list[str]]
) -> None:
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    for file, texts in written.items():
        for text in texts:
            assert text in found.files[FILES[file]]
