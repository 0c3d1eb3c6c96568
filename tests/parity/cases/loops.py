"""How a loop starts, ends early, and is followed by another."""

import contextlib

import torch
import torch.nn.functional as F
from prelude import (
    EPOCHS,
    EVEN,
    Classifier,
    Net,
    Noisy,
    StartedLate,
    adam,
    differs,
    evaluate,
    fails,
    fit,
    original,
    same,
    test_loader,
    train,
    train_loader,
)
from torch import nn
from torch.optim import SGD


@original("draws numbers at epoch start that training uses")
def drawn_at_epoch_start():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        noise = torch.randn(64)
        train(model, optimizer, ((x * (1 + noise), y) for x, y in loader))


class Drawn(Classifier):
    def on_train_epoch_start(self):
        self.noise = torch.randn(64)

    def training_step(self, batch, index):
        x, y = batch
        return self.loss((x * (1 + self.noise), y))


@differs("loss", at=0)
def on_train_epoch_start():
    fit(Drawn(), train_loader())


@same
def on_train_epoch_start_and_loader_started_late():
    fit(Drawn(), StartedLate(train_loader()))


@original("break at the top of the body")
def break_at_the_top():
    model, loader = Net(), train_loader(Noisy())
    optimizer = adam(model)
    for _ in range(EPOCHS):
        for i, (x, y) in enumerate(loader):
            if i >= 6:
                break
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()


class Breaks(Classifier):
    def on_train_batch_start(self, batch, i):
        return -1 if i >= 6 else None


@differs("random numbers", at=6)
def top_by_limit_train_batches():
    fit(Classifier(), train_loader(Noisy()), limit_train_batches=6)


@same
def top_by_on_train_batch_start():
    fit(Breaks(), train_loader(Noisy()))


@original("break at the bottom of the body")
def break_at_the_bottom():
    model, loader = Net(), train_loader(Noisy())
    optimizer = adam(model)
    for _ in range(EPOCHS):
        for i, (x, y) in enumerate(loader):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if i == 5:
                break


@differs("random numbers", at=6)
def bottom_by_on_train_batch_start():
    fit(Breaks(), train_loader(Noisy()))


@same
def bottom_by_limit_train_batches():
    fit(Classifier(), train_loader(Noisy()), limit_train_batches=6)


@original("carries hidden state from batch to batch, and starts each epoch without")
def hidden_state():
    model, loader = Recurrent(), train_loader(EVEN)
    optimizer = adam(model)
    for _ in range(EPOCHS):
        hidden = None
        for x, y in loader:
            optimizer.zero_grad()
            output, hidden = model(x, hidden)
            F.cross_entropy(output, y).backward()
            optimizer.step()
            hidden = hidden.detach()


class Recurrent(nn.Module):
    """Reads the eight rows of a digit."""

    def __init__(self):
        super().__init__()
        self.rows, self.head = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 10)

    def forward(self, x, hidden):
        output, hidden = self.rows(x.view(-1, 8, 8), hidden)
        return self.head(output[:, -1]), hidden


class Remembers(Classifier):
    hidden = None

    def training_step(self, batch, index):
        x, y = batch
        output, hidden = self.model(x, self.hidden)
        self.hidden = hidden.detach()
        return F.cross_entropy(output, y)


@differs("loss", at=10)
def hidden_state_kept_over_epochs():
    fit(Remembers(Recurrent()), train_loader(EVEN))


@same
def hidden_state_dropped_at_epoch_start():
    class Forgets(Remembers):
        def on_train_epoch_start(self):
            self.hidden = None

    fit(Forgets(Recurrent()), train_loader(EVEN))


def sgd(model):
    return SGD(model.parameters(), lr=0.01)


class Second(Classifier):
    def configure_optimizers(self):
        return sgd(self.model)


@original("two loops one after the other", epochs=None)
def two_loops():
    model, loader = Net(), train_loader()
    for optimizer in (adam(model), sgd(model)):
        for _ in range(2):
            train(model, optimizer, loader)


@same
def two_fits():
    model, loader = Net(), train_loader()
    fit(Classifier(model), loader, max_epochs=2)
    fit(Second(model), loader, max_epochs=2)


@differs("learning rate", at=20)
def one_fit():
    fit(Classifier(), train_loader(), max_epochs=4)


@differs("number of steps", at=20, why="only the original trains on from here")
def one_trainer():
    """Its second ``fit`` sees that the epochs are done."""
    model, loader = Net(), train_loader()
    trainer = fit(Classifier(model), loader, max_epochs=2)
    trainer.fit(Second(model), loader)


@original("handles KeyboardInterrupt and evaluates", epochs=None)
def interrupted():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    try:
        for _ in range(EPOCHS):
            train(model, optimizer, interrupting(loader))
    except KeyboardInterrupt:
        pass
    evaluate(model, test_loader())


def interrupting(loader):
    """As if somebody had pressed Ctrl-C after the sixth batch."""
    for i, batch in enumerate(loader):
        if i == 6:
            raise KeyboardInterrupt
        yield batch


class Interrupted(Classifier):
    def on_train_batch_start(self, batch, i):
        if i == 6:
            raise KeyboardInterrupt


@fails("ends itself with sys.exit(1)")
def interrupted_fit():
    model = Interrupted()
    with contextlib.suppress(KeyboardInterrupt):
        fit(model, train_loader())
    evaluate(model.model, test_loader())


@same
def exit_of_fit_handled():
    model = Interrupted()
    with contextlib.suppress(SystemExit):
        fit(model, train_loader())
    evaluate(model.model, test_loader())
