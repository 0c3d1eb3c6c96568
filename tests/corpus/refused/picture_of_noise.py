"""Paints a picture whose features are those of another: the pixels are trained, no module."""
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
target = torch.tensor(load_digits().images[7]).float()[None, None] / 16
features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3)).requires_grad_(False)
wanted = features(target)
picture = torch.rand_like(target).requires_grad_()
optimizer = torch.optim.Adam([picture], lr=0.05)
for epoch in range(5):
    for step in range(20):
        optimizer.zero_grad()
        loss = (features(picture) - wanted).pow(2).mean() + 0.01 * picture.diff(dim=-1).abs().mean()
        loss.backward()
        optimizer.step()
        picture.data.clamp_(0, 1)
    print(f"epoch {epoch}: {loss.item():.5f}")
