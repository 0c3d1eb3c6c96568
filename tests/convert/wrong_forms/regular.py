import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS, EVAL_STEPS = 3, 3
torch.manual_seed(5)
x = torch.randn(48, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:32], y[:32]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[32:], y[32:]), batch_size=8)
net = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.2), nn.Linear(6, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

step = 0
for epoch in range(EPOCHS):
    for inputs, targets in train_loader:
        loss = nn.functional.mse_loss(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % EVAL_STEPS == 0:
            net.eval()
            total = 0.0
            with torch.no_grad():
                for inputs, targets in val_loader:
                    total += nn.functional.mse_loss(net(inputs), targets).item()
            print(f"step {step} val loss {total / len(val_loader):.4f}")
            net.train()
