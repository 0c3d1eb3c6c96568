"""A network whose train() is its training, so that Lightning could not switch its mode."""
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.Dropout(0.1), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.layers(x)

    def train(self, loader=True, epochs=3):
        if not hasattr(loader, "dataset"):
            return super().train(loader)
        optimizer = optim.SGD(self.parameters(), lr=0.1)
        for epoch in range(epochs):
            for x, y in loader:
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(self(x), y)
                loss.backward()
                optimizer.step()
            print(epoch, loss.item())


torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(x).float() / 16, torch.tensor(y))
Network().train(DataLoader(data, batch_size=64, shuffle=True))
