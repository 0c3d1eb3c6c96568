from torch import nn


class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.lin = nn.Linear(n, n)

    def forward(self, x):
        return x + self.lin(x).tanh()


def build_model(hidden):
    return nn.Sequential(nn.Linear(10, hidden), Block(hidden), nn.Dropout(0.2), nn.Linear(hidden, 1))
