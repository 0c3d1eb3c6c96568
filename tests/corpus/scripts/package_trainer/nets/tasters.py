import torch.nn.functional as F
from torch import nn


class Taster(nn.Module):
    def __init__(self, hidden, forget, wines=3):
        super().__init__()
        a, b = hidden
        self.tongue = nn.Linear(13, a)
        self.evenly = nn.BatchNorm1d(a)
        self.mind = nn.Linear(a, b)
        self.word = nn.Linear(b, wines)
        self.forget = forget

    def forward(self, sips):
        felt = F.hardswish(self.evenly(self.tongue(sips)))
        felt = F.dropout(felt, self.forget, self.training)
        return self.word(F.hardswish(self.mind(felt)))


class Sceptic(nn.Sequential):
    def __init__(self, wines=3):
        super().__init__(nn.BatchNorm1d(13), nn.Linear(13, wines))
