"""A model that is loaded in eval mode, as those of transformers are."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 6), nn.Dropout(0.3), nn.Linear(6, 1))

    @classmethod
    def from_pretrained(cls):
        return cls().eval()

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(5)
x = torch.randn(48, 8)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
model = Regressor.from_pretrained()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
for epoch in range(2):
    model.train()
    for xb, yb in loader:
        loss = nn.functional.mse_loss(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
