import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.sampler import SubsetRandomSampler


class DigitsDataLoader(DataLoader):
    """
    digits, with a part of the samples kept back for validation
    """

    def __init__(self, batch_size, shuffle=True, validation_split=0.0):
        bunch = load_digits()
        images = (torch.from_numpy(bunch.images).float().unsqueeze(1) / 16 - 0.3) / 0.37
        self.data_set = TensorDataset(images, torch.from_numpy(bunch.target))
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.n_samples = len(self.data_set)
        train_sampler, self.valid_sampler = self._split_sampler(self.validation_split)
        self.init_kwargs = {'dataset': self.data_set, 'batch_size': batch_size}
        super().__init__(sampler=train_sampler, **self.init_kwargs)

    def _split_sampler(self, split):
        idx_full = np.arange(self.n_samples)
        np.random.seed(0)
        np.random.shuffle(idx_full)
        len_valid = int(self.n_samples * split)
        valid_idx = idx_full[0:len_valid]
        train_idx = np.delete(idx_full, np.arange(0, len_valid))
        self.n_samples = len(train_idx)
        return SubsetRandomSampler(train_idx), SubsetRandomSampler(valid_idx)

    def split_validation(self):
        return DataLoader(sampler=self.valid_sampler, **self.init_kwargs)
