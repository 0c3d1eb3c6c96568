"""Nearest centroids of digits: nothing is trained by gradients."""
import torch
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x).float(), torch.tensor(y)
centroids = torch.stack([x[:1500][y[:1500] == digit].mean(0) for digit in range(10)])
found = torch.cdist(x[1500:], centroids).argmin(1)
print((found == y[1500:]).float().mean().item())
