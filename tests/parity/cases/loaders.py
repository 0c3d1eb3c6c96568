"""Where the data come from, and which random numbers that takes."""

import random

import lightning
import numpy
import torch
import torch.nn.functional as F
from prelude import (
    BATCH,
    EPOCHS,
    EVEN,
    TRAIN,
    AskedOnceMore,
    Classifier,
    Net,
    Noisy,
    X,
    Y,
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
    trainer,
)
from torch.utils.data import DataLoader, Dataset, IterableDataset, random_split


@original("splits data before building the model")
def split_first():
    kept, held_out = random_split(TRAIN, [260, 40])
    model = Net()
    optimizer, loader = adam(model), train_loader(kept)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        evaluate(model, DataLoader(held_out, 20))


class SplitInSetup(lightning.LightningDataModule):
    def setup(self, stage):
        self.kept, self.held_out = random_split(TRAIN, [260, 40])

    def train_dataloader(self):
        return train_loader(self.kept)

    def val_dataloader(self):
        return DataLoader(self.held_out, 20)


class SplitInInit(SplitInSetup):
    def __init__(self):
        super().__init__()
        super().setup(None)

    def setup(self, stage):
        pass


@differs("loss", at=0)
def in_setup():
    data = SplitInSetup()
    trainer().fit(Classifier(), datamodule=data)


@same
def in_init():
    data = SplitInInit()
    trainer().fit(Classifier(), datamodule=data)


@differs("loss", at=0)
def in_init_after_the_model():
    model = Classifier()
    trainer().fit(model, datamodule=SplitInInit())


@original("one Generator for train and validation loaders")
def one_generator():
    shared = torch.Generator().manual_seed(0)
    model, loader, held_out = Net(), train_loader(generator=shared), test_loader(generator=shared)
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        evaluate(model, held_out)


def fit_with_one_generator(**settings):
    shared = torch.Generator().manual_seed(0)
    fit(Classifier(), train_loader(generator=shared), test_loader(generator=shared), **settings)


@differs("loss", at=0)
def sanity_check():
    fit_with_one_generator()


@same
def no_sanity_check():
    fit_with_one_generator(num_sanity_val_steps=0)


@original("own generator, data set a multiple of the batch")
def own_generator():
    model, loader = Net(), train_loader(EVEN, generator=torch.Generator().manual_seed(0))
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


@differs("loss", at=10)
def own_generator_plain():
    fit(Classifier(), train_loader(EVEN, generator=torch.Generator().manual_seed(0)))


@same
def own_generator_asked_once_more():
    fit(Classifier(), AskedOnceMore(train_loader(EVEN, generator=torch.Generator().manual_seed(0))))


@original("an iterable data set without length")
def no_length():
    model, loader = Net(), DataLoader(Stream(), batch_size=None)
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


class Stream(IterableDataset):
    """Ten random batches."""

    def __iter__(self):
        for _ in range(10):
            some = torch.randint(300, (BATCH,))
            yield X[some], Y[some]


class SizedStream(Stream):
    def __len__(self):
        return 10


@differs("random numbers", at=0)
def without_length():
    fit(Classifier(), DataLoader(Stream(), batch_size=None))


@same
def with_length():
    fit(Classifier(), DataLoader(SizedStream(), batch_size=None))


@original("code after the last yield")
def after_the_last_yield():
    model, loader = Net(), OwnOrderOfEachEpoch()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


class OwnOrderOfEachEpoch:
    epoch = 0

    def __len__(self):
        return 10

    def __iter__(self):
        order = torch.randperm(320, generator=torch.Generator().manual_seed(self.epoch))
        for some in order.split(BATCH):
            yield X[some], Y[some]
        self.epoch += 1


@differs("loss", at=10)
def yielding_plain():
    fit(Classifier(), OwnOrderOfEachEpoch())


@same
def yielding_asked_once_more():
    fit(Classifier(), AskedOnceMore(OwnOrderOfEachEpoch()))


@original("a range loop over tensors")
def by_index():
    model = Net()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        for start in range(0, 300, BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(X[:300][start : start + BATCH]), Y[:300][start : start + BATCH]).backward()
            optimizer.step()


@differs("random numbers", at=0, why="the other run starts a data loader once")
def data_loader():
    fit(Classifier(), DataLoader(TRAIN, BATCH))


@same
def data_loader_with_private_generator():
    fit(Classifier(), DataLoader(TRAIN, BATCH, generator=torch.Generator()))


class Slices:
    def __len__(self):
        return 10

    def __iter__(self):
        for start in range(0, 300, BATCH):
            yield X[:300][start : start + BATCH], Y[:300][start : start + BATCH]


@same
def sized_iterable():
    fit(Classifier(), Slices())


@original("[(x, y)] as a loader: full-batch training", epochs=None)
def full_batch():
    model = Net()
    optimizer = adam(model)
    for _ in range(8):
        train(model, optimizer, [(X[:200], Y[:200])])


@fails("not enough values to unpack")
def list_of_one_batch():
    fit(Classifier(), [(X[:200], Y[:200])], max_epochs=8)


class Whole(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X[:200], Y[:200]


@same
def data_set_of_one_batch():
    fit(Classifier(), DataLoader(Whole(), batch_size=None, generator=torch.Generator()), max_epochs=8)


@original("counts len(list(loader)) in each epoch")
def listed():
    model, loader = Net(), train_loader()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)
        len(list(loader))


@differs("random numbers", at=10, why="the original starts a data loader twice")
def listed_simplified():
    fit(Classifier(), train_loader())


@same
def listed_kept():
    class Lists(Classifier):
        def on_train_epoch_end(self):
            len(list(self.trainer.train_dataloader))

    fit(Lists(), train_loader())


@original("peeks at a batch before the model is built")
def peeked():
    loader = train_loader()
    next(iter(loader))
    model = Net()
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


@differs("random numbers", at=0)
def peek_dropped():
    fit(Classifier(), train_loader())


@same
def peek_kept():
    loader = train_loader()
    next(iter(loader))
    fit(Classifier(), loader)


@original("random augmentation in two workers")
def workers():
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)
    model, loader = Net(), train_loader(Noisy(), num_workers=2)
    optimizer = adam(model)
    for _ in range(EPOCHS):
        train(model, optimizer, loader)


@differs("loss", at=0)
def seed_everything_with_workers():
    lightning.seed_everything(0, workers=True)
    fit(Classifier(), train_loader(Noisy(), num_workers=2))


@same
def seed_everything_without_workers():
    lightning.seed_everything(0)
    fit(Classifier(), train_loader(Noisy(), num_workers=2))
