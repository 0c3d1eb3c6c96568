"""The way of a program to its steps: methods, comprehensions, phases and early returns are laid out as one sequence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hydra_lightning.convert.calls import one_by_one
from hydra_lightning.convert.flow import Block, Flow, flow_of, pieces_in
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.parity.tape import Tape

TRAINER = """
class Base:
    def __init__(self, model, epochs):
        self.model = model
        self.epochs = epochs
        self.first = 0
        if self.found():
            self.resume()

    def found(self):
        return False

    def resume(self):
        self.first = 7


class Trainer(Base):
    def __init__(self, net, loader, optimizer, epochs, device="cpu"):
        super().__init__(net, epochs)
        self.loader = loader
        self.loss = 0.0
        self._optimizer = optimizer

    def _run_batch(self, x):
        self._optimizer.zero_grad()
        loss = self.model(x).sum()
        loss.backward()
        self._optimizer.step()
        return loss.item()

    def train(self):
        for epoch in range(self.first, self.epochs):
            for x in self.loader:
                self.loss += self._run_batch(x)
            self._save(epoch)

    def _save(self, epoch):
        print("saved", epoch)


model = make()
trainer = Trainer(model, loader, optimizer, 3)
trainer.train()
"""


def laid_out(text: str, *stack: str, evaluation: Sequence[str] = (), unrun: Sequence[str] = ()) -> Flow:
    """The flow of a program whose stacks go through the lines that start with the given words."""
    lines = text.splitlines()

    def sites(words: Sequence[str]) -> list[str]:
        return [
            f"p.py:{next(n for n, line in enumerate(lines, 1) if line.strip().startswith(word))}"
            for word in words
        ]

    backward = sites(stack)
    tape = Tape("completed", ["p.py"], "/p")
    tape.stacks = {"backward": {backward[-1]: backward}}
    tape.evaluations = [sites(evaluation)] if evaluation else []
    lost = {int(each.partition(":")[2]) for each in sites(unrun)}
    tape.lines = {"p.py": [number for number in range(1, len(lines) + 1) if number not in lost]}
    return flow_of({"p.py": Source("p.py", text)}, "p.py", tape)


def code(nodes: Sequence[Piece | Block]) -> list[str]:
    return [piece.text(comments=False) for piece in pieces_in(nodes)]


def test_the_attributes_of_a_trainer_become_names_and_its_methods_statements() -> None:
    flow = laid_out(
        TRAINER,
        "trainer.train()",
        "self.loss += ",
        "loss.backward()",
        unrun=["self.resume()", "self.first = 7"],
    )
    assert flow.epochs.part(flow.epochs.node.iter) == "range(first, epochs)"  # type: ignore[attr-defined]
    assert flow.batches.part(flow.batches.node.iter) == "loader"  # type: ignore[attr-defined]
    assert code(flow.body) == [
        "optimizer.zero_grad()",
        "loss = model(x).sum()",
        "loss.backward()",
        "optimizer.step()",
        # A name of its own, as methods have a variable of this name.
        "trainer_loss += loss.item()",
    ]
    assert code(flow.setup)[1:4] == ["epochs = 3", 'device = "cpu"', "model = model"]
    assert code(flow.not_run) == ["trainer.resume()"]
    assert code(flow.after) == ["pass"]


def test_a_trainer_that_is_made_and_used_in_one_line() -> None:
    head = TRAINER.partition("trainer = ")[0]
    text = f"{head}Trainer(model, loader, optimizer, epochs=3).train()\n"
    flow = laid_out(text, "Trainer(model", "self.loss += ", "loss.backward()", unrun=["self.resume()"])
    assert code(flow.body)[1] == "loss = model(x).sum()"


def test_a_method_of_an_object_that_is_not_of_the_program_is_refused() -> None:
    text = """
class Net(nn.Module):
    def fit(self, x):
        loss.backward()

net = Net()
for e in range(2):
    for x in loader:
        net.fit(x)
"""
    with pytest.raises(Refused, match=r"refused \(method\)  p.py:9"):
        laid_out(text, "net.fit(x)", "loss.backward()")


def test_steps_in_a_comprehension_are_a_loop() -> None:
    text = """
def step(model, batch):
    loss = model(batch)
    loss.backward()
    return loss.item()

for epoch in range(2):
    mean = sum(step(net, x) for x in loader) / len(loader)
"""
    flow = laid_out(text, "mean = ", "mean = ", "loss.backward()")
    assert flow.batches.text(comments=False) == "for x in loader:\n    pass"
    assert code(flow.body) == ["loss = net(x)", "loss.backward()", "values.append(loss.item())"]
    assert code(flow.after) == ["mean = sum(values) / len(loader)"]


def test_phases_of_an_epoch_follow_one_another() -> None:
    text = """
for epoch in range(2):
    for phase in ["train", "val"]:
        net.train() if phase == "train" else net.eval()
        for x in loaders[phase]:
            with torch.set_grad_enabled(phase == "train"):
                loss = net(x)
                if phase == "train":
                    loss.backward()
                    # a step
                    optimizer.step()
        if phase == "val" and loss < best:
            best = loss
"""
    flow = laid_out(text, "loss.backward()", evaluation=["loss = net(x)"])
    assert code(flow.before) == ["net.train()"]
    assert code(flow.body) == ["loss = net(x)", "loss.backward()", "optimizer.step()"]
    assert flow.body[-1].text() == "# a step\noptimizer.step()"
    assert code(flow.after) == ["net.eval()", "loss = net(x)", "if loss < best:\n    best = loss"]


def test_a_return_that_was_not_reached_is_not_exercised() -> None:
    text = """
def main(args):
    if args.evaluate:
        print("evaluated")
        return
    for epoch in range(2):
        for x in loader:
            net(x).backward()

main(args)
"""
    flow = laid_out(text, "main(args)", "net(x)", unrun=['print("eval', "return"])
    assert flow.setup == []
    assert code(flow.not_run) == ['print("evaluated")', "return"]
    with pytest.raises(Refused, match=r"refused \(return\)"):
        laid_out(text, "main(args)", "net(x)")


def test_the_options_of_a_command_line_as_keywords() -> None:
    text = """
def main(epochs, lr=0.1, *, width):
    for epoch in range(epochs):
        for x in loader:
            net(x).backward()

main(**vars(parser.parse_args()))
"""
    options = [{"name": name} for name in ("epochs", "lr", "width")]
    tape = Tape("completed", ["p.py"], "/p")
    tape.stacks = {"backward": {"p.py:5": ["p.py:7", "p.py:5"]}}
    tape.arguments = [{"site": "p.py:7", "options": options}]
    flow = flow_of({"p.py": Source("p.py", text)}, "p.py", tape)
    assert code(flow.setup) == [
        "args = parser.parse_args()",
        "epochs = args.epochs",
        "lr = args.lr",
        "width = args.width",
    ]


def test_what_a_function_makes_with_the_optimizer_has_the_names_of_its_caller() -> None:
    text = """
def build(lr):
    model = Net()
    opt = SGD(model.parameters(), lr)
    return model, opt

net, optimizer = build(0.1)
for epoch in range(2):
    for x in loader:
        net(x).backward()
"""
    tape = Tape("completed", ["p.py"], "/p")
    tape.stacks = {"backward": {"p.py:10": ["p.py:10"]}, "optimizer": {"p.py:4": ["p.py:7", "p.py:4"]}}
    flow = flow_of({"p.py": Source("p.py", text)}, "p.py", tape)
    assert code(flow.setup) == ["lr = 0.1", "net = Net()", "optimizer = SGD(net.parameters(), lr)"]


def test_what_is_made_where_it_is_returned_is_a_statement_of_its_own() -> None:
    text = """
def build(lr):
    net = Net()
    return net, (net, 1), SGD(
        net.parameters(), lr
    )

model, pair, optimizer = build(0.1)
for epoch in range(2):
    for x in loader:
        model(x).backward()
"""
    tape = Tape("completed", ["p.py"], "/p")
    tape.stacks = {"backward": {"p.py:11": ["p.py:11"]}, "optimizer": {"p.py:4": ["p.py:8", "p.py:4"]}}
    flow = flow_of({"p.py": Source("p.py", text)}, "p.py", tape)
    assert code(flow.setup) == [
        "lr = 0.1",
        "model = Net()",
        "pair = (model, 1)",
        "optimizer = SGD(\n        model.parameters(), lr\n    )",
    ]


def test_a_variable_of_a_function_that_has_the_name_of_what_it_is_given() -> None:
    text = """
def step(net, cost, x):
    loss = cost(net(x))
    loss.backward()

loss = MSELoss()
for epoch in range(2):
    for x in loader:
        step(net, loss, x)
"""
    flow = laid_out(text, "step(net", "loss.backward")
    assert code(flow.setup) == ["loss = MSELoss()"]
    assert code(flow.body) == ["loss_ = loss(net(x))", "loss_.backward()"]


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        ("x, y = x, y", []),
        ("x, y, z = 1, f(y), z", ["x = 1", "y = f(y)"]),
        ("x, y = y, x", ["x, y = y, x"]),
        ("x, *y = 1, *z", ["x, *y = 1, *z"]),
        ("x, y = (1,\n  a +\n b)", ["x = 1", "y = (a +\n b)"]),
        ("x, y = z", ["x, y = z"]),
        ("x = y", ["x = y"]),
        ("f(x)", ["f(x)"]),
    ],
)
def test_a_statement_for_each_name(statement: str, parts: list[str]) -> None:
    assert one_by_one(statement) == parts
