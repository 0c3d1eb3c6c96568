"""Several optimizers, closures, and optimizers that Lightning cannot step."""

import lightning
import torch
import torch.nn.functional as F
from prelude import (
    EPOCHS,
    Classifier,
    Manual,
    Net,
    X,
    Y,
    differs,
    fails,
    fit,
    original,
    same,
    train,
    train_loader,
)
from torch import nn
from torch.optim import LBFGS, Adam, Optimizer
from torch.utils.data import DataLoader, Dataset


def generator_and_discriminator():
    return (
        nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64)),
        nn.Sequential(nn.Linear(64, 32), nn.Dropout(0.3), nn.LeakyReLU(0.2), nn.Linear(32, 1)),
    )


def is_real(scores):
    return F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))


def is_made(scores):
    return F.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores))


@original("several optimizers: a GAN whose generator is trained at every third batch", epochs=None)
def gan():
    generator, discriminator = generator_and_discriminator()
    of_generator = Adam(generator.parameters(), lr=0.0002)
    of_discriminator = Adam(discriminator.parameters(), lr=0.0002)
    loader = train_loader()
    for _ in range(EPOCHS):
        for i, (x, _) in enumerate(loader):
            of_discriminator.zero_grad()
            is_real(discriminator(x)).backward()
            made = generator(torch.randn(len(x), 8))
            is_made(discriminator(made.detach())).backward()
            of_discriminator.step()
            if i % 3 == 0:
                of_generator.zero_grad()
                is_real(discriminator(made)).backward()
                of_generator.step()


class Gan(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator = generator_and_discriminator()

    def configure_optimizers(self):
        return (
            Adam(self.generator.parameters(), lr=0.0002),
            Adam(self.discriminator.parameters(), lr=0.0002),
        )

    def training_step(self, batch, i):
        of_generator, of_discriminator = self.optimizers()
        x, _ = batch
        of_discriminator.zero_grad()
        self.manual_backward(is_real(self.discriminator(x)))
        made = self.generator(torch.randn(len(x), 8))
        self.manual_backward(is_made(self.discriminator(made.detach())))
        of_discriminator.step()
        if i % 3 == 0:
            of_generator.zero_grad()
            self.manual_backward(is_real(self.discriminator(made)))
            of_generator.step()


@same
def manual_optimization():
    fit(Gan(), train_loader())


@differs("gradient", at=4)
def gradients_of_the_generator_left():
    """Those that the generator's loss gives the discriminator are no longer set to zero."""

    class Leaves(Gan):
        def training_step(self, batch, i):
            _, of_discriminator = self.optimizers()
            of_discriminator.zero_grad, kept = lambda: None, of_discriminator.zero_grad
            if i == 0:
                kept()
            super().training_step(batch, i)

    fit(Leaves(), train_loader())


@differs("number of steps", at=51)
def max_steps_counted_in_batches():
    """``global_step`` counts the steps of both optimizers: 30 and 12."""
    fit(Gan(), train_loader(), max_steps=30)


@same
def max_steps_counted_in_steps():
    fit(Gan(), train_loader(), max_steps=42)


def lbfgs(model):
    return LBFGS(model.parameters(), lr=0.5, max_iter=4)


@original("LBFGS: step(closure)", epochs=None)
def closure():
    model = Net(dropout=0.0)
    optimizer = lbfgs(model)

    def loss_of_all():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X[:200]), Y[:200])
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(loss_of_all)


class All(Dataset):
    """One batch with everything in it."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X[:200], Y[:200]


def all_of_it():
    return DataLoader(All(), batch_size=None, generator=torch.Generator())


class Lbfgs(Classifier):
    def __init__(self):
        super().__init__(Net(dropout=0.0))

    def configure_optimizers(self):
        return lbfgs(self.model)


@same
def body_in_training_step():
    fit(Lbfgs(), all_of_it())


@same
def closure_in_manual_optimization():
    class ByHand(Lbfgs):
        automatic_optimization = False

        def training_step(self, batch, index):
            optimizer = self.optimizers()

            def loss_of_all():
                optimizer.zero_grad()
                loss = self.loss(batch)
                self.manual_backward(loss)
                return loss

            optimizer.step(loss_of_all)

    fit(ByHand(), all_of_it())


@differs("optimizer steps", at=0)
def loss_computed_once():
    class Once(Lbfgs):
        automatic_optimization = False

        def training_step(self, batch, index):
            optimizer = self.optimizers()
            optimizer.zero_grad()
            loss = self.loss(batch)
            self.manual_backward(loss)
            optimizer.step(lambda: loss)

    fit(Once(), all_of_it(), max_epochs=12)


class OwnSGD(Optimizer):
    """Its ``step`` takes no closure."""

    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for each in group["params"]:
                each.add_(each.grad, alpha=-group["lr"])


@original("an optimizer whose step() takes no closure", epochs=None)
def without_closure():
    model, loader = Net(), train_loader()
    optimizer = OwnSGD(model.parameters())
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


class StepsItself(Manual):
    def configure_optimizers(self):
        return OwnSGD(self.model.parameters())

    def training_step(self, batch, index):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.loss(batch))
        self.step(optimizer)

    def step(self, optimizer):
        optimizer.step()


@fails("TypeError: OwnSGD.step() got an unexpected keyword argument 'closure'")
def automatic():
    class Automatic(Classifier):
        def configure_optimizers(self):
            return OwnSGD(self.model.parameters())

    fit(Automatic(), train_loader())


@fails("TypeError: OwnSGD.step() got an unexpected keyword argument 'closure'")
def manual():
    fit(StepsItself(), train_loader())


@same
def inner_optimizer():
    class StepsInner(StepsItself):
        def step(self, optimizer):
            optimizer.optimizer.step()

    assert fit(StepsInner(), train_loader()).global_step == 0
