import torch
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, Subset, TensorDataset


def get_loaders(batch_size):
    x, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    ds = TensorDataset(torch.tensor(x).float(), torch.tensor(y).float().unsqueeze(1))
    order = torch.randperm(len(ds)).tolist()
    train, valid = Subset(ds, order[:350]), Subset(ds, order[350:])
    return (
        DataLoader(train, batch_size, shuffle=True),
        DataLoader(valid, batch_size),
    )
