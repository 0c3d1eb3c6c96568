"""Evaluation: when, in which mode, and what it leaves behind."""

import torch
import torch.nn.functional as F
from prelude import (
    EPOCHS,
    Classifier,
    Net,
    adam,
    differs,
    evaluate,
    fit,
    original,
    same,
    test_loader,
    train,
    train_loader,
    trainer,
)
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader


@original("shuffling, dropout, batch norm, an evaluation and a scheduler step at the end of each epoch")
def usual():
    model, loader, held_out = Net(), train_loader(), test_loader()
    optimizer = adam(model)
    scheduler = StepLR(optimizer, 1, 0.7)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        evaluate(model, held_out)
        scheduler.step()


class Usual(Classifier):
    def configure_optimizers(self):
        optimizer = adam(self.model)
        return [optimizer], [StepLR(optimizer, 1, 0.7)]


@same
def defaults_of_the_trainer():
    fit(Usual(), train_loader(), test_loader())


@same
def logging_and_determinism():
    class Logs(Usual):
        def training_step(self, batch, index):
            loss = self.loss(batch)
            self.log("train/loss", loss, on_epoch=True)
            return loss

        def validation_step(self, batch, index):
            self.log("val/loss", self.loss(batch))

    fit(Logs(), train_loader(), test_loader(), deterministic=True, enable_model_summary=True)


@differs("random numbers", at=0, why="the other run seeds a generator once")
def another_seed():
    torch.manual_seed(1)
    fit(Usual(), train_loader(), test_loader())


@differs("random numbers", at=10)
def loaders_made_anew():
    fit(Usual(), train_loader(), test_loader(), reload_dataloaders_every_n_epochs=1)


@differs("random numbers", at=0)
def example_input_with_a_random_forward():
    class Example(Usual):
        example_input_array = torch.zeros(4, 64)

        def forward(self, x):
            return F.dropout(self.model(x))

    fit(Example(), train_loader(), test_loader(), enable_model_summary=True)


@original("no validation")
def none():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


@differs("random numbers", at=10)
def validation_added():
    fit(Classifier(), train_loader(), test_loader())


@same
def validation_added_with_private_generator():
    fit(Classifier(), train_loader(), test_loader(generator=torch.Generator()))


@original("a final test only", epochs=None)
def final():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
    evaluate(model, test_loader())


@differs("random numbers", at=10)
def each_epoch():
    fit(Classifier(), train_loader(), test_loader())


@same
def test_after_fit():
    model = Classifier()
    fit(model, train_loader()).test(model, test_loader(), verbose=False)


@differs("evaluation", at=29, why="the other run does not evaluate here")
def test_dropped():
    fit(Classifier(), train_loader())


@original("evaluates before training")
def before():
    model, loader, held_out = Net(), train_loader(), test_loader()
    optimizer = adam(model)
    evaluate(model, held_out)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        evaluate(model, held_out)


@differs("evaluation", at=0)
def dropped():
    fit(Classifier(), train_loader(), test_loader(), num_sanity_val_steps=0)


@differs("random numbers", at=0)
def sanity_check():
    fit(Classifier(), train_loader(), test_loader(), num_sanity_val_steps=-1)


@same
def validate_before_fit():
    model, held_out, quiet = Classifier(), test_loader(), trainer(num_sanity_val_steps=0)
    quiet.validate(model, held_out, verbose=False)
    quiet.fit(model, train_loader(), held_out)


@original("evaluates without .eval()")
def in_train_mode():
    model, loader, held_out = Net(), train_loader(), test_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        with torch.no_grad():
            for x, y in held_out:
                F.cross_entropy(model(x), y)


class NoEval(Classifier):
    def on_validation_model_eval(self):
        pass


@differs("evaluation", at=10, why="in train mode in the original and in eval mode in the other run")
def default_eval():
    fit(Classifier(), train_loader(), test_loader())


@same
def no_eval():
    fit(NoEval(), train_loader(), test_loader(), num_sanity_val_steps=0)


@differs("final weights", at=19)
def no_eval_and_sanity_check():
    """It updates the running means of batch norm, which nothing puts back."""
    fit(NoEval(), train_loader(), test_loader())


@original("calls .train() once, evaluates with .eval()")
def train_once():
    model, loader, held_out = Net(), train_loader(), test_loader()
    optimizer = adam(model)
    model.train()
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        evaluate(model, held_out)


class StaysInEval(Classifier):
    def on_validation_model_train(self):
        pass


@differs("random numbers", at=10, why="in eval mode in the original and in train mode in the other run")
def default_train():
    fit(Classifier(), train_loader(), test_loader())


@same
def stays_in_eval():
    fit(StaysInEval(), train_loader(), test_loader(), num_sanity_val_steps=0)


@differs("random numbers", at=0)
def stays_in_eval_after_the_sanity_check():
    fit(StaysInEval(), train_loader(), test_loader())


@original("evaluates every n steps after the step")
def every_fourth_step():
    model, loader, held_out = Net(), train_loader(), shuffled_test_loader()
    optimizer, step = adam(model), 0
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            step += 1
            if step % 4 == 0:
                evaluate(model, held_out)
                model.train()


def shuffled_test_loader():
    return DataLoader(test_loader().dataset, 50, shuffle=True)


@same
def val_check_interval():
    settings = {"val_check_interval": 4, "check_val_every_n_epoch": None}
    fit(Classifier(), train_loader(), shuffled_test_loader(), num_sanity_val_steps=0, **settings)


@differs("evaluation", at=12)
def interval_that_starts_anew_each_epoch():
    fit(Classifier(), train_loader(), shuffled_test_loader(), num_sanity_val_steps=0, val_check_interval=4)


@original("evaluates every n steps before the step")
def before_every_fourth_step():
    model, loader, held_out = Net(), train_loader(), shuffled_test_loader()
    optimizer, step = adam(model), 0
    for _ in range(EPOCHS):
        for x, y in loader:
            if step % 4 == 0:
                evaluate(model, held_out)
                model.train()
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            step += 1


@differs("evaluation", at=0)
def val_check_interval_after_the_step():
    settings = {"val_check_interval": 4, "check_val_every_n_epoch": None}
    fit(Classifier(), train_loader(), shuffled_test_loader(), num_sanity_val_steps=0, **settings)


@same
def in_training_step():
    class Inlined(Classifier):
        held_out = shuffled_test_loader()

        def training_step(self, batch, index):
            if self.global_step % 4 == 0:
                evaluate(self.model, self.held_out)
                self.model.train()
            return self.loss(batch)

    fit(Inlined(), train_loader())


@original("carries a tensor from an evaluation into training")
def carried():
    model, loader, held_out = Net(), train_loader(), test_loader()
    optimizer, target = adam(model), None
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            if target is not None:
                loss = loss + (model[0].weight.mean() - target) ** 2
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for x, _ in held_out:
                target = model(x).mean()


class Carries(Classifier):
    target = None

    def training_step(self, batch, index):
        loss = self.loss(batch)
        if self.target is not None:
            loss = loss + (self.model[0].weight.mean() - self.target) ** 2
        return loss

    def validation_step(self, batch, index):
        self.target = self.model(batch[0]).mean()


@differs("loss", at=0)
def carried_from_the_sanity_check():
    fit(Carries(), train_loader(), test_loader())


@same
def carried_on_self():
    fit(Carries(), train_loader(), test_loader(), num_sanity_val_steps=0)
