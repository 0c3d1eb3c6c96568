"""The loop is text that is put together from options."""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CLIP = True
LOOP = """
for epoch in range(3):
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        {clip}
        optimizer.step()
"""
torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
loader = DataLoader(TensorDataset(torch.tensor(x).float() / 16, torch.tensor(y)), batch_size=64, shuffle=True)
net = nn.Linear(64, 10)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
exec(LOOP.format(clip="nn.utils.clip_grad_norm_(net.parameters(), 1.0)" if CLIP else "pass"))
