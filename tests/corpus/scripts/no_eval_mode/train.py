# Benign or malignant, from 30 measurements of a cell. Sloppy on purpose: the net stays in training mode throughout.
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

UNITS = 48
PASSES = 4
ROWS = 32
LR = 0.004
TALK = 5

torch.manual_seed(9)
device = torch.device("cuda:0") if torch.cuda.is_available() else torch.device("cpu")

x, y = load_breast_cancer(return_X_y=True)
x, y = torch.tensor(scale(x)).float(), torch.tensor(y).float()
order = torch.randperm(len(x))
learn, held = order[:420], order[420:]
learn_batches = DataLoader(TensorDataset(x[learn], y[learn]), ROWS, shuffle=True, drop_last=True)
held_batches = DataLoader(TensorDataset(x[held], y[held]), ROWS)


class Judge(nn.Module):
    def __init__(self, inputs, units):
        super().__init__()
        self.widen = nn.Linear(inputs, units)
        self.level = nn.BatchNorm1d(units)
        self.silence = nn.Dropout(0.25)
        self.decide = nn.Linear(units, 1)

    def forward(self, cells):
        h = self.silence(torch.relu(self.level(self.widen(cells))))
        return self.decide(h).squeeze(1)


judge = Judge(x.shape[1], UNITS).to(device)
loss_of = nn.BCEWithLogitsLoss()
opt = torch.optim.NAdam(judge.parameters(), lr=LR)

for p in range(PASSES):
    for step, (x, y) in enumerate(learn_batches, start=1):
        x = x.to(device)
        y = y.to(device)
        loss = loss_of(judge(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % TALK == 0:
            print(f"pass {p + 1} of {PASSES}, batch {step}: {loss.item():.4f}")

    # how often is it right about cells that it has not seen?
    right, seen, total = 0, 0, 0.0
    with torch.no_grad():
        for x, y in held_batches:
            x, y = x.to(device), y.to(device)
            says = judge(x)
            total += loss_of(says, y).item() * len(x)
            right += ((says > 0) == (y > 0.5)).sum().item()
            seen += len(x)
    print(f"pass {p + 1}: {right} of {seen} right ({100 * right / seen:.1f} %), loss {total / seen:.4f}")

torch.save(judge.state_dict(), "judge.pt")
