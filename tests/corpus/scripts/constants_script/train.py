# simple feed-forward regression, fits the wine-ish table below
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

BATCH = 16
LR = 5e-3
EPOCHS = 3
HIDDEN = 32
N_SAMPLES, N_FEATURES = 400, 6

device = "cuda" if torch.cuda.is_available() else "cpu"
print(f"Using {device} device")

# fake measurements
true_w = torch.randn(N_FEATURES, 1)
X = torch.randn(N_SAMPLES, N_FEATURES)
y = X @ true_w + 0.1 * torch.randn(N_SAMPLES, 1)

dataset = TensorDataset(X, y)
loader = DataLoader(dataset, batch_size=BATCH, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.Linear(N_FEATURES, HIDDEN),
    nn.ReLU(),
    nn.Linear(HIDDEN, 1),
).to(device)

criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=1e-5)

for epoch in range(EPOCHS):
    running_loss = 0.0
    for inputs, labels in loader:
        inputs = inputs.to(device)
        labels = labels.to(device)

        # forward
        preds = model(inputs)
        loss = criterion(preds, labels)

        # backward
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        running_loss += loss.item()

    print(f"Epoch {epoch + 1}/{EPOCHS}  loss = {running_loss / len(loader):.4f}")

torch.save(model.state_dict(), "regressor.pth")
print("Done!")
