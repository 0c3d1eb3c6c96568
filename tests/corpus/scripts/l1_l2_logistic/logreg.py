import numpy as np
import torch
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import scale
import torch.utils.data as Data

USE_WINE = True
LAMBDA1, LAMBDA2 = 2e-3, 1e-3
N_EPOCHS, BS, LR = 6, 10, 0.1

torch.manual_seed(2)
X, y = (load_wine if USE_WINE else load_iris)(return_X_y=True)
X = scale(X)
perm = np.random.RandomState(2).permutation(len(X))
X, y = X[perm], y[perm]
ntr = int(0.75*len(X))
Xtr, ytr, Xte, yte = X[:ntr], y[:ntr], X[ntr:], y[ntr:]


class LogisticRegression(torch.nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.linear = torch.nn.Linear(d, k)

    def forward(self, x): return self.linear(x)


def to_loader(a, b, shuffle):
    return Data.DataLoader(Data.TensorDataset(torch.from_numpy(a).float(), torch.from_numpy(b)), batch_size=BS, shuffle=shuffle)


tr, te = to_loader(Xtr, ytr, True), to_loader(Xte, yte, False)
clf = LogisticRegression(X.shape[1], len(np.unique(y)))
opt = torch.optim.SGD(clf.parameters(), lr=LR)
ce = torch.nn.CrossEntropyLoss()

losses = []
for ep in range(N_EPOCHS):
    for bx, by in tr:
        out = clf(bx)
        loss = ce(out, by)

        # elastic net by hand: all weights, not the biases
        l1 = torch.tensor(0.)
        l2 = torch.tensor(0.)
        for name, w in clf.named_parameters():
            if 'bias' not in name:
                l1 = l1 + w.abs().sum()
                l2 = l2 + w.pow(2).sum()
        loss = loss + LAMBDA1*l1 + LAMBDA2*l2

        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.data.item())

    with torch.no_grad():
        ncorrect = sum((clf(bx).argmax(1) == by).sum().item() for bx, by in te)
        nzero = (clf.linear.weight.abs() < 1e-2).sum().item()
    print("epoch", ep, "loss", np.mean(losses[-len(tr):]).round(4), "test acc", round(ncorrect/len(yte), 4), "small weights", nzero)
# import matplotlib.pyplot as plt
# plt.plot(losses); plt.show()
