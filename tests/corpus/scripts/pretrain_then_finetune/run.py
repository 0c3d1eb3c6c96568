# Step 1: an autoencoder learns features from unlabelled digits.
# Step 2: its encoder is frozen (but for the last layer), a head learns from 200 labels.
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

AE_EPOCHS = 3
CLF_EPOCHS = 6
BATCH_SIZE = 50
CODE = 16


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1 = nn.Linear(64, 40)
        self.lin2 = nn.Linear(40, CODE)

    def forward(self, x):
        return self.lin2(torch.relu(self.lin1(x)))


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = nn.Sequential(nn.Linear(CODE, 40), nn.ReLU(), nn.Linear(40, 64), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Classifier(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.1), nn.Linear(CODE, 10))

    def forward(self, x):
        return self.head(self.encoder(x))


torch.manual_seed(0)
data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32) / 16
y = torch.tensor(data.target)
unlabelled = DataLoader(TensorDataset(x[:1400]), batch_size=BATCH_SIZE, shuffle=True)
labelled = DataLoader(TensorDataset(x[:200], y[:200]), batch_size=BATCH_SIZE, shuffle=True)
test = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=BATCH_SIZE)

# ---- step 1
ae = AutoEncoder()
optimizer = torch.optim.Adam(ae.parameters(), lr=1e-2)
loss_fn = nn.MSELoss()
for epoch in range(AE_EPOCHS):
    total = 0
    for (batch,) in unlabelled:
        optimizer.zero_grad()
        loss = loss_fn(ae(batch), batch)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"autoencoder epoch {epoch} mse {total / len(unlabelled):.5f}")
torch.save(ae.encoder.state_dict(), "encoder.pth")

# ---- step 2
encoder = Encoder()
encoder.load_state_dict(torch.load("encoder.pth"))
for param in encoder.lin1.parameters():
    param.requires_grad = False
clf = Classifier(encoder)
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, clf.parameters()), lr=2e-2)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(CLF_EPOCHS):
    clf.train()
    total = 0
    for features, target in labelled:
        optimizer.zero_grad()
        loss = loss_fn(clf(features), target)
        loss.backward()
        optimizer.step()
        total += loss.item()

    clf.eval()
    correct = 0
    with torch.no_grad():
        for features, target in test:
            correct += (clf(features).argmax(1) == target).sum().item()
    print(f"classifier epoch {epoch} loss {total / len(labelled):.4f} accuracy {correct / len(test.dataset):.4f}")
