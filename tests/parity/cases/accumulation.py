"""Gradients of several batches, by the four rules that people write."""

import torch.nn.functional as F
from prelude import (
    EPOCHS,
    Classifier,
    Manual,
    Net,
    adam,
    differs,
    evaluate,
    fit,
    original,
    same,
    test_loader,
    train_loader,
)


def accumulate(is_step, held_out=()):
    """The plain loop over ten batches."""
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        model.train()
        for i, (x, y) in enumerate(loader):
            (F.cross_entropy(model(x), y) / 4).backward()
            if is_step(i):
                optimizer.step()
                optimizer.zero_grad()
        evaluate(model, held_out)


class ByHand(Manual):
    def __init__(self, is_step):
        super().__init__()
        self.is_step = is_step

    def training_step(self, batch, i):
        self.manual_backward(self.loss(batch) / 4)
        if self.is_step(i):
            optimizer = self.optimizers()
            optimizer.step()
            optimizer.zero_grad()


def every_fourth_or_last(i):
    return (i + 1) % 4 == 0 or i == 9


def every_fourth(i):
    return (i + 1) % 4 == 0


def off_by_one(i):
    return i % 4 == 0


def off_by_one_or_last(i):
    return i % 4 == 0 or i == 9


@original("steps on `(i+1) % k == 0 or last`")
def last_too():
    accumulate(every_fourth_or_last)


@same
def last_too_automatic():
    fit(Classifier(), train_loader(), accumulate_grad_batches=4)


@same
def last_too_by_hand():
    fit(ByHand(every_fourth_or_last), train_loader())


@differs("loss", at=0)
def last_too_divided_twice():
    class Divides(Classifier):
        def training_step(self, batch, index):
            return self.loss(batch) / 4

    fit(Divides(), train_loader(), accumulate_grad_batches=4)


@original("steps on `(i+1) % k == 0`, rest carried over")
def carried():
    accumulate(every_fourth)


@differs("optimizer steps", at=9, why="only the other run steps its optimizer here")
def carried_automatic():
    fit(Classifier(), train_loader(), accumulate_grad_batches=4)


@same
def carried_by_hand():
    fit(ByHand(every_fourth), train_loader())


@original("rest carried over an evaluation")
def carried_over_evaluation():
    accumulate(every_fourth, test_loader())


@differs("gradient", at=13)
def gradients_set_to_zero_before_validation():
    fit(ByHand(every_fourth), train_loader(), test_loader())


@same
def on_validation_model_zero_grad():
    class Keeps(ByHand):
        def on_validation_model_zero_grad(self):
            pass

    fit(Keeps(every_fourth), train_loader(), test_loader())


@original("steps on `i % k == 0`")
def first():
    accumulate(off_by_one)


@differs("optimizer steps", at=0)
def first_automatic():
    fit(Classifier(), train_loader(), accumulate_grad_batches=4)


@same
def first_by_hand():
    fit(ByHand(off_by_one), train_loader())


@original("steps on `i % k == 0 or last`")
def first_and_last():
    accumulate(off_by_one_or_last)


@differs("optimizer steps", at=0)
def first_and_last_automatic():
    fit(Classifier(), train_loader(), accumulate_grad_batches=4)


@same
def first_and_last_by_hand():
    fit(ByHand(off_by_one_or_last), train_loader())
