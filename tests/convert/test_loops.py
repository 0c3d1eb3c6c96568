"""Loops of a training that are left or surrounded, and loops in its steps: each trains the same, nothing is to do."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from plain_loop import BODY, EPOCH, EVALUATION, FILES, LOADER, OPTIMIZER, PROGRAM, converted

from hydra_lightning.convert.refusal import Refused
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("loops") / "project", "bare").root


LOOP = PROGRAM[PROGRAM.index(EPOCH) : PROGRAM.index(EVALUATION)]


def in_a_function(more: str, after: str = "") -> dict[str, str]:
    """The loop over the batches in a function, with more at the end of a step, and after the loop."""
    function = f"def learn():\n{LOOP}{textwrap.indent(more, ' ' * 8)}{textwrap.indent(after, ' ' * 4)}\n\n"
    return {LOOP: "    print(learn())\n", LOADER: LOADER + function}


BARS = "import random\n\nfrom tqdm import tqdm\n"
EVALUATED = """        for xb, yb in val_loader:
            total += nn.functional.mse_loss(model(xb), yb).item()
"""
METERS = """class Meter:
    def __init__(self):
        self.reset()

    def reset(self):
        self.total, self.count = 0.0, 0

    def update(self, value, count=1):
        self.total += value * count
        self.count += count


"""
RESET = "    for meter in meters.values():\n        meter.reset()\n"


def within(context: str, more: str = "", accelerated: bool = False) -> dict[str, str]:
    """The loop over the batches in a ``with``, with more at the end of a step."""
    head, _, batches = LOOP.partition(EPOCH)[2].partition("\n")
    loop = f"{EPOCH}    with {context}:\n    {head}\n{textwrap.indent(batches, '    ')}{' ' * 12}{more}\n"
    if not accelerated:
        return {LOOP: loop}
    made = "accelerator = Accelerator()\nmodel, optimizer = accelerator.prepare(model, optimizer)\n"
    return {
        LOOP: loop.replace("loss.backward()", "accelerator.backward(loss)"),
        OPTIMIZER: OPTIMIZER + made,
        "import random\n": "import random\n\nfrom accelerate import Accelerator\n"
        "from accelerate.local_sgd import LocalSGD\n",
    }


ACCUMULATED = """    model.train()
    for xb, yb in train_loader:
        with accelerator.accumulate(model):
            accelerator.backward(nn.functional.mse_loss(model(xb), yb))
            optimizer.step()
            optimizer.zero_grad()
"""


# By what it is: what of the program of the table is written otherwise, and what its files then have.
LOOPS: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "a return that leaves the loop": (
        in_a_function("if i == 2:\n    return\n"),
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "a return of what is returned after the loop": (
        in_a_function("if i == 2:\n    return loss.item()\n", "return loss.item()\n"),
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "a return in a branch that only tells": (
        in_a_function(
            "if i % 2 == 0:\n    print(loss.item())\n    if i > 99:\n        return 0\n", "return i\n"
        ),
        {"module": ["        return loss\n"]},
    ),
    "progress bars that are entered": (
        {
            "import random\n": BARS,
            **within("tqdm(train_loader) as bar", "bar.set_postfix(loss=loss.item())"),
            "enumerate(train_loader)": "enumerate(bar)",
            EVALUATED: "        with tqdm(val_loader) as bar:\n"
            + textwrap.indent(EVALUATED, "    ").replace("in val_loader", "in bar"),
        },
        {"module": ["        return loss\n", "def validation_step("]},
    ),
    "meters that are filled and emptied in loops": (
        {
            LOADER: METERS + LOADER,
            OPTIMIZER: OPTIMIZER + 'meters = {name: Meter() for name in ("loss", "error")}\n',
            EPOCH: EPOCH + RESET,
            BODY: BODY + "        for meter, value in zip(meters.values(), (loss.item(), 1.0)):\n"
            "            meter.update(value, len(xb))\n",
            EVALUATED: "        for xb, yb in val_loader:\n"
            "            loss = nn.functional.mse_loss(model(xb), yb)\n"
            "            meters['loss'].update(loss.item(), len(xb))\n",
            "    total = 0.0\n": RESET,
            "{total / len(val_loader):.4f}": "{meters['loss'].total / meters['loss'].count}",
        },
        {
            "module": [
                "        for meter in self.meters.values():\n            meter.reset()\n",
                'self.log("val/loss", self.meters[',
            ]
        },
    ),
    "accumulation over a number that is set later": (
        {
            **within("accelerator.accumulate(model)", accelerated=True),
            LOOP: ACCUMULATED,
            "prepare(model, optimizer)\n": "prepare(model, optimizer)\nhalves = 16 // 8\n"
            "accelerator.gradient_accumulation_steps = halves\n",
        },
        {"experiment": ["accumulate_grad_batches: 2"], "module": ["        return loss\n"]},
    ),
    "a profiler": (
        within(
            "torch.profiler.profile(\n        activities=[torch.profiler.ProfilerActivity.CPU],\n"
            "    ) as prof, torch.autograd.set_detect_anomaly(True)",
            "prof.step()",
        ),
        {"module": ["        return loss\n"]},
    ),
    "a profiler of an accelerator": (
        within("accelerator.profile() as prof", "prof.step()", accelerated=True),
        {"module": ["        return loss\n"]},
    ),
    "weights that are averaged over processes": (
        within(
            "LocalSGD(accelerator=accelerator, model=model, local_sgd_steps=8) as local_sgd",
            "local_sgd.step()",
            accelerated=True,
        ),
        {"module": ["        return loss\n"]},
    ),
}


@pytest.mark.parametrize(("changes", "written"), LOOPS.values(), ids=LOOPS)
def test_a_loop_trains_the_same(
    project: Path, tmp_path: Path, changes: dict[str, str], written: dict[str, list[str]]
) -> None:
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    for file, texts in written.items():
        for text in texts:
            assert text in found.files[FILES[file]]


def test_what_is_made_for_a_loop_and_ends_with_it_has_no_place(project: Path, tmp_path: Path) -> None:
    changes = within('open("losses.txt", "w") as file', "file.write(str(loss.item()))")
    with pytest.raises(Refused, match=r"row.py:16: the training uses file, which this with makes and ends"):
        converted(project, tmp_path, changes)


def test_an_epoch_that_its_steps_end_is_refused_where_it_is_left(project: Path, tmp_path: Path) -> None:
    left = BODY + "        if i == epoch:\n            break\n"
    with pytest.raises(Refused, match=r"row.py:22: an epoch is left here before its last batch") as caught:
        converted(project, tmp_path, {BODY: left, "range(3)": "range(2, 5)"})
    assert caught.value.code == "not-the-same"
