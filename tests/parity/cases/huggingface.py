"""Loops of accelerate: its loaders look one batch ahead."""

import torch.nn.functional as F
from accelerate import Accelerator
from prelude import (
    EPOCHS,
    TRAIN,
    Classifier,
    Net,
    Noisy,
    OneAhead,
    adam,
    differs,
    evaluate,
    fit,
    original,
    same,
    test_loader,
    train_loader,
)
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


def accelerated(data):
    accelerator = Accelerator(cpu=True)
    model = Net()
    model, optimizer, loader, held_out = accelerator.prepare(
        model, adam(model), train_loader(data), test_loader()
    )
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            accelerator.backward(F.cross_entropy(model(x), y))
            optimizer.step()
            optimizer.zero_grad()
        evaluate(model, held_out)


@original("accelerate, deterministic data")
def deterministic():
    accelerated(TRAIN)


@same
def plain():
    fit(Classifier(), train_loader(), test_loader())


@differs("evaluation", at=10)
def validation_dropped():
    fit(Classifier(), train_loader())


@original("accelerate, random augmentation or masking in process")
def random():
    accelerated(Noisy())


@differs("random numbers", at=0)
def random_plain():
    fit(Classifier(), train_loader(Noisy()), test_loader())


@same
def one_ahead():
    fit(Classifier(), OneAhead(train_loader(Noisy())), test_loader())


def decaying(optimizer):
    return LambdaLR(optimizer, lambda step: max(0.0, 1 - step / 12))


@original("accelerator.accumulate(k), scheduler per step")
def accumulating():
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    model = Net()
    optimizer = AdamW(model.parameters(), lr=0.01)
    model, optimizer, loader, scheduler = accelerator.prepare(
        model, optimizer, train_loader(), decaying(optimizer)
    )
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            with accelerator.accumulate(model):
                accelerator.backward(F.cross_entropy(model(x), y))
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()


class Decaying(Classifier):
    interval = "step"

    def configure_optimizers(self):
        optimizer = AdamW(self.model.parameters(), lr=0.01)
        return [optimizer], [{"scheduler": decaying(optimizer), "interval": self.interval}]


@same
def accumulate_grad_batches():
    fit(Decaying(), train_loader(), accumulate_grad_batches=4)


@differs("learning rate", at=7, why="the other run never")
def stepped_each_epoch():
    class EachEpoch(Decaying):
        interval = "epoch"

    fit(EachEpoch(), train_loader(), accumulate_grad_batches=4)


@differs("loss", at=0)
def not_accumulated():
    fit(Decaying(), train_loader())
