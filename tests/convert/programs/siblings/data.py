import torch
from sklearn import datasets, preprocessing
from torch.utils.data import DataLoader, Subset, TensorDataset

HELD_OUT = 90


def patients(at_once):
    facts, course = datasets.load_diabetes(return_X_y=True, scaled=False)
    facts = torch.tensor(preprocessing.scale(facts)).float()
    course = torch.tensor(preprocessing.scale(course)).float()[:, None]
    everyone = TensorDataset(facts, course)
    mixed = torch.randperm(len(everyone)).tolist()
    ours, others = Subset(everyone, mixed[HELD_OUT:]), Subset(everyone, mixed[:HELD_OUT])
    return DataLoader(ours, at_once, shuffle=True), DataLoader(others, at_once)
