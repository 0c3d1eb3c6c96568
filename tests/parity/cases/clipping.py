"""Clipping: of which gradients, in which order, and when."""

import torch.nn.functional as F
from prelude import EPOCHS, Classifier, Net, adam, differs, fit, original, same, train_loader
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import AdamW


def clip(optimizer_of, clip_gradients, net=Net):
    """The plain loop."""
    model, loader = net(), train_loader()
    optimizer = optimizer_of(model)
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            clip_gradients(model.parameters(), 0.1)
            optimizer.step()


@original("clips by norm")
def norm():
    clip(adam, clip_grad_norm_)


@same
def gradient_clip_val():
    fit(Classifier(), train_loader(), gradient_clip_val=0.1)


@differs("gradient", at=0, why="by clip_grad_norm_(0.1) in the original and by clip_grad_value_(0.1)")
def norm_by_value():
    fit(Classifier(), train_loader(), gradient_clip_val=0.1, gradient_clip_algorithm="value")


@differs("gradient", at=0, why="the original clips gradients once")
def norm_dropped():
    fit(Classifier(), train_loader())


@original("clips by value")
def value():
    clip(adam, clip_grad_value_)


@same
def gradient_clip_algorithm():
    fit(Classifier(), train_loader(), gradient_clip_val=0.1, gradient_clip_algorithm="value")


@differs("gradient", at=0)
def value_by_norm():
    fit(Classifier(), train_loader(), gradient_clip_val=0.1)


class Deep(nn.Sequential):
    """Enough parameters for the order to matter."""

    def __init__(self):
        hidden = [each for _ in range(12) for each in (nn.Linear(20, 20), nn.BatchNorm1d(20), nn.ReLU())]
        super().__init__(nn.Linear(64, 20), *hidden, nn.Linear(20, 10))


def weights_and_biases(model):
    weights, biases = (
        [each for name, each in model.named_parameters() if name.endswith("bias") is is_bias]
        for is_bias in (False, True)
    )
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": biases, "weight_decay": 0.0}]
    return AdamW(groups, lr=0.001)


class TwoGroups(Classifier):
    def __init__(self):
        super().__init__(Deep())

    def configure_optimizers(self):
        return weights_and_biases(self.model)


@original("clips, several parameter groups")
def groups():
    clip(weights_and_biases, clip_grad_norm_, Deep)


@differs("gradient", at=None)
def gradient_clip_val_sums_in_another_order():
    fit(TwoGroups(), train_loader(), gradient_clip_val=0.1)


@same
def configure_gradient_clipping():
    class Clips(TwoGroups):
        def configure_gradient_clipping(
            self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None
        ):
            clip_grad_norm_(self.model.parameters(), 0.1)

    fit(Clips(), train_loader())


@original("clips before backward, which does nothing")
def before():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            clip_grad_norm_(model.parameters(), 0.1)
            loss.backward()
            optimizer.step()


@differs("gradient", at=0, why="the original clips before backward (clipping.py:")
def clipping_that_works():
    fit(Classifier(), train_loader(), gradient_clip_val=0.1)


@same
def kept_where_it_was():
    class ClipsBefore(Classifier):
        def training_step(self, batch, index):
            loss = self.loss(batch)
            clip_grad_norm_(self.model.parameters(), 0.1)
            return loss

    fit(ClipsBefore(), train_loader())
