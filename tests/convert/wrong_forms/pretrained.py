"""An encoder is trained without labels, saved, and loaded into the model that is trained."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 2
torch.manual_seed(1)
x = torch.linspace(-1, 1, 320).view(40, 8)
y = x.sum(1, keepdim=True)
unlabelled = DataLoader(TensorDataset(x), batch_size=8, shuffle=True)
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
encoder, decoder = nn.Linear(8, 4), nn.Linear(4, 8)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
for epoch in range(EPOCHS):
    for (xb,) in unlabelled:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(decoder(encoder(xb)), xb)
        loss.backward()
        optimizer.step()
    print(f"pretraining {epoch} loss {loss.item():.4f}")
torch.save(encoder.state_dict(), "encoder.pt")
first = nn.Linear(8, 4)
first.load_state_dict(torch.load("encoder.pt"))
model = nn.Sequential(first, nn.Tanh(), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
