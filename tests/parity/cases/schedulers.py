"""Learning rates: stepped when, and on what."""

import torch.nn.functional as F
from prelude import (
    EPOCHS,
    Classifier,
    Net,
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
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR, OneCycleLR, ReduceLROnPlateau


def sgd(model):
    return SGD(model.parameters(), lr=0.1)


def one_cycle(optimizer):
    return OneCycleLR(optimizer, max_lr=0.5, epochs=EPOCHS, steps_per_epoch=10)


def halved(optimizer):
    return MultiStepLR(optimizer, [1, 2], 0.5)


@original("scheduler per step")
def per_step():
    model, loader = Net(), train_loader()
    optimizer = sgd(model)
    scheduler = one_cycle(optimizer)
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            scheduler.step()


@same
def interval_step():
    class PerStep(Classifier):
        def configure_optimizers(self):
            optimizer = sgd(self.model)
            return [optimizer], [{"scheduler": one_cycle(optimizer), "interval": "step"}]

    fit(PerStep(), train_loader())


@differs(
    "learning rate",
    at=1,
    why="the original steps a scheduler once (schedulers.py:",
)
def default_interval():
    class Default(Classifier):
        def configure_optimizers(self):
            optimizer = sgd(self.model)
            return [optimizer], [one_cycle(optimizer)]

    fit(Default(), train_loader())


class Halved(Classifier):
    def configure_optimizers(self):
        optimizer = sgd(self.model)
        return [optimizer], [halved(optimizer)]


class HalvedAtStart(Classifier):
    """Lightning is not told of the scheduler."""

    def configure_optimizers(self):
        optimizer = sgd(self.model)
        self.scheduler = halved(optimizer)
        return optimizer

    def on_train_epoch_start(self):
        self.scheduler.step()


@original("scheduler at epoch end", epochs=3)
def at_epoch_end():
    model, loader = Net(), train_loader()
    optimizer = sgd(model)
    scheduler = halved(optimizer)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        scheduler.step()


@same
def interval_epoch():
    fit(Halved(), train_loader())


@differs("learning rate", at=0)
def end_mapped_to_start():
    fit(HalvedAtStart(), train_loader())


@original("scheduler at epoch start", epochs=3)
def at_epoch_start():
    model, loader = Net(), train_loader()
    optimizer = sgd(model)
    scheduler = halved(optimizer)
    for _ in range(EPOCHS):
        scheduler.step()
        train(model, optimizer, loader)


@same
def on_train_epoch_start():
    fit(HalvedAtStart(), train_loader())


@differs("learning rate", at=0, why="the other run never")
def start_mapped_to_end():
    fit(Halved(), train_loader())


@original("step(epoch) at epoch start, from the second on", epochs=3)
def of_epoch():
    model, loader = Net(), train_loader()
    optimizer = sgd(model)
    scheduler = halved(optimizer)
    for epoch in range(EPOCHS):
        if epoch > 0:
            scheduler.step(epoch + 1)
        train(model, optimizer, loader)


@same
def of_epoch_on_train_epoch_start():
    class OfEpoch(HalvedAtStart):
        def on_train_epoch_start(self):
            if self.current_epoch > 0:
                self.scheduler.step(self.current_epoch + 1)

    fit(OfEpoch(), train_loader())


@differs("learning rate", at=10)
def of_epoch_mapped_to_end():
    fit(Halved(), train_loader())


def plateau(optimizer, mode="min"):
    return ReduceLROnPlateau(optimizer, mode, patience=0, threshold=0.1)


@original("plateau on the mean validation loss", epochs=6)
def on_plateau():
    model, loader, held_out = Net(), train_loader(), test_loader()
    optimizer = sgd(model)
    scheduler = plateau(optimizer)
    for _ in range(6):
        train(model, optimizer, loader)
        scheduler.step(evaluate(model, held_out))


class OnPlateau(Classifier):
    mode = "min"

    def validation_step(self, batch, index):
        self.log("loss", self.loss(batch), batch_size=len(batch[0]))

    def configure_optimizers(self):
        optimizer = sgd(self.model)
        scheduler = plateau(optimizer, self.mode)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "loss"}}


@same
def monitored():
    fit(OnPlateau(), train_loader(), test_loader(), max_epochs=6)


@differs("learning rate", at=20, why="both step a scheduler twice")
def monitored_upside_down():
    class UpsideDown(OnPlateau):
        mode = "max"

    fit(UpsideDown(), train_loader(), test_loader(), max_epochs=6)


@fails("conditioned on metric loss which is not available")
def monitored_every_other_epoch():
    fit(OnPlateau(), train_loader(), test_loader(), max_epochs=6, check_val_every_n_epoch=2)
