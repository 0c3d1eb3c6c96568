import torch.nn as nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}


class TabularNet(nn.Module):
    def __init__(self, in_features, hidden, dropout, activation="relu"):
        super().__init__()
        act = ACTIVATIONS[activation]
        layers = []
        for h in hidden:
            layers.append(nn.Linear(in_features, h))
            layers.append(nn.LayerNorm(h))
            layers.append(act())
            layers.append(nn.Dropout(dropout))
            in_features = h
        layers.append(nn.Linear(in_features, 1))
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x).squeeze(-1)
