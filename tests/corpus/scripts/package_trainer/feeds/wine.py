import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset


class WineFeed(DataLoader):
    """A loader over a part of the bottles that can hand out a loader over the others."""

    def __init__(self, at_once, held_back):
        table, kinds = load_wine(return_X_y=True)
        # each bottle three times, measured a little differently
        table = np.repeat(scale(table), 3, axis=0)
        kinds = np.repeat(kinds, 3)
        table += np.random.normal(0, 0.4, table.shape)
        mixed = np.random.permutation(len(kinds))
        border = round(len(kinds) * held_back)
        self.other_rows = mixed[:border].tolist()
        self.own_rows = mixed[border:].tolist()
        bottles = TensorDataset(torch.from_numpy(table).float(), torch.from_numpy(kinds))
        super().__init__(bottles, at_once, sampler=SubsetRandomSampler(self.own_rows))

    def held_back(self):
        return DataLoader(self.dataset, self.batch_size, sampler=SubsetRandomSampler(self.other_rows))
