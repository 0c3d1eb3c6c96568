"""Autocast: over what."""

import torch
import torch.nn.functional as F
from prelude import EPOCHS, Classifier, Manual, Net, adam, differs, fit, original, same, train_loader


def bfloat():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@original("autocast over forward and loss")
def forward_and_loss():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            with bfloat():
                loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()


@same
def bf16_mixed():
    fit(Classifier(), train_loader(), precision="bf16-mixed")


@differs("loss", at=0, why="only the original runs its forward under autocast")
def autocast_dropped():
    fit(Classifier(), train_loader())


@original("autocast over forward only")
def forward_only():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            with bfloat():
                output = model(x)
            F.cross_entropy(output, y).backward()
            optimizer.step()


@differs("loss", at=0)
def loss_in_bf16_too():
    fit(Classifier(), train_loader(), precision="bf16-mixed")


@same
def autocast_kept():
    class Kept(Classifier):
        def training_step(self, batch, index):
            x, y = batch
            with bfloat():
                output = self.model(x)
            return F.cross_entropy(output, y)

    fit(Kept(), train_loader())


@original("a GradScaler, which is disabled on a CPU")
def scaled():
    model, loader = Net(), train_loader()
    optimizer, scaler = adam(model), torch.amp.GradScaler("cuda")
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            with bfloat():
                loss = F.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()


@differs("loss", at=0)
def scaler_and_autocast_dropped():
    fit(Classifier(), train_loader())


@same
def scaler_dropped():
    fit(Classifier(), train_loader(), precision="bf16-mixed")


@original("a GradScaler that scales on a CPU")
def scaled_on_cpu():
    model, loader = Net(), train_loader()
    optimizer, scaler = adam(model), torch.amp.GradScaler("cpu")
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            with bfloat():
                loss = F.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()


@differs("loss", at=0)
def scaler_of_cpu_dropped():
    fit(Classifier(), train_loader(), precision="bf16-mixed")


@same
def scaler_kept():
    class Scales(Manual):
        scaler = torch.amp.GradScaler("cpu")

        def training_step(self, batch, index):
            optimizer = self.optimizers().optimizer
            optimizer.zero_grad()
            self.manual_backward(self.scaler.scale(self.loss(batch)))
            self.scaler.step(optimizer)
            self.scaler.update()

    fit(Scales(), train_loader(), precision="bf16-mixed")
