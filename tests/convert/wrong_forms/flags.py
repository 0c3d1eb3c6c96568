import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 2
torch.backends.cudnn.benchmark = True
torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
x = torch.randn(48, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:32], y[:32]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[32:], y[32:]), batch_size=8)
net = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.2), nn.Linear(6, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

for epoch in range(EPOCHS):
    net.train()
    for inputs, targets in train_loader:
        loss = nn.functional.mse_loss(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
