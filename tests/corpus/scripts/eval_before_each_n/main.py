# step counter based training; every TEST_EVERY steps the model is tested, before that step is made
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

STEPS = 50
TEST_EVERY = 10

data = load_digits()
x = torch.from_numpy(data.images).float()[:, None] / 16
y = torch.from_numpy(data.target)
train_loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=200)


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 3, padding=1)
        self.c2 = nn.Conv2d(6, 16, 3)
        self.f1 = nn.Linear(16, 10)
        self.do = nn.Dropout(0.1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.f1(self.do(x.flatten(1)))


device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
net = LeNetish().to(device)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
best_accuracy = 0.


def test():
    net.eval()
    correct = 0
    with torch.no_grad():
        for inputs, targets in test_loader:
            inputs, targets = inputs.to(device), targets.to(device)
            correct += net(inputs).argmax(1).eq(targets).sum().item()
    net.train()
    return correct / len(test_loader.dataset)


iteration = 0
while iteration < STEPS:
    for inputs, targets in train_loader:
        if iteration % TEST_EVERY == 0:
            accuracy = test()
            print("iteration", iteration, "accuracy", round(accuracy, 4))
            if accuracy > best_accuracy:
                best_accuracy = accuracy
                torch.save({'iteration': iteration, 'net': net.state_dict()}, 'best.tar')
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        iteration += 1
        if iteration >= STEPS:
            break
print("best accuracy:", best_accuracy)
