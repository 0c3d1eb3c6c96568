import sys

import torch
from torch import nn

EPOCHS = 3
SEQ = 20
BATCH = 24
N_BATCHES = 20


def adding_problem(n, length):
    """Two marked numbers have to be added (a classic test of memory)."""
    values = torch.rand(n, length)
    markers = torch.zeros(n, length)
    first = torch.randint(0, length // 2, (n,))
    second = torch.randint(length // 2, length, (n,))
    markers[torch.arange(n), first] = 1
    markers[torch.arange(n), second] = 1
    x = torch.stack([values, markers], dim=-1)
    y = (values * markers).sum(1, keepdim=True)
    return x, y


class Net(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(2, hidden, nonlinearity="relu", batch_first=True)
        nn.init.eye_(self.rnn.weight_hh_l0)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


def main():
    torch.manual_seed(5)
    inputs, targets = adding_problem(BATCH * N_BATCHES, SEQ)
    test_in, test_out = adding_problem(200, SEQ)
    net = Net()
    optim = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    crit = nn.MSELoss()

    for epoch in range(EPOCHS):
        net.train()
        epoch_loss = 0
        for b in range(0, len(inputs), BATCH):
            x, y = inputs[b:b + BATCH], targets[b:b + BATCH]
            optim.zero_grad()
            loss = crit(net(x), y)
            loss.backward()
            nn.utils.clip_grad_value_(net.parameters(), clip_value=0.1)
            optim.step()
            epoch_loss += loss.item() * len(x)
        net.eval()
        with torch.no_grad():
            test_mse = crit(net(test_in), test_out).item()
        print("epoch: {0:2d}  mse: {1:.4f}  test mse: {2:.4f}".format(epoch, epoch_loss / len(inputs), test_mse))
    return 0


if __name__ == "__main__":
    sys.exit(main())
