import argparse
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

sys.path.append(os.getcwd())

parser = argparse.ArgumentParser("knowledge distillation")
parser.add_argument("--T", type=float, default=4.0, help="temperature")
parser.add_argument("--alpha", type=float, default=0.6, help="share of the soft loss")
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--batch_size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--milestones", type=int, nargs="*", default=[3, 4])
args = parser.parse_args()
print(args)

torch.manual_seed(1234)
np.random.seed(1234)


class Teacher(nn.Module):
    """Nothing is learnt here: distances to many known samples, like a soft nearest neighbour."""

    def __init__(self, x, y, k=300):
        super().__init__()
        pick = np.random.choice(len(x), k, replace=False)
        self.register_buffer("keys", x[pick])
        self.register_buffer("values", F.one_hot(y[pick], 10).float())
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, x):
        weights = torch.softmax(-self.scale * torch.cdist(x, self.keys) ** 2, dim=1)
        return torch.log(weights @ self.values + 1e-4)


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 20)
        self.fc2 = nn.Linear(20, 10)

    def forward(self, x):
        return self.fc2(F.dropout(F.relu(self.fc1(x)), 0.1, self.training))


def load():
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16.0, dtype=torch.float32)
    y = torch.tensor(y)
    return x[:1400], y[:1400], x[1400:], y[1400:]


def kd_loss(student_logits, teacher_logits, labels, T, alpha):
    soft = F.kl_div(
        F.log_softmax(student_logits / T, dim=1),
        F.softmax(teacher_logits / T, dim=1),
        reduction="batchmean",
    ) * (T * T)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * soft + (1 - alpha) * hard


def run_test(net, loader, name):
    net.eval()
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += int((net(x.to(device)).argmax(1) == y.to(device)).sum())
    acc = 100.0 * correct / len(loader.dataset)
    print("%s accuracy: %.2f" % (name, acc))
    return acc


device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
x_train, y_train, x_test, y_test = load()
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=args.batch_size, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=400)

teacher = Teacher(x_train, y_train).to(device)
teacher.eval()
for p in teacher.parameters():
    p.requires_grad = False
student = Student().to(device)

optimizer = optim.SGD(student.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=args.milestones, gamma=0.2)

run_test(teacher, test_loader, "teacher")
best = 0
for epoch in range(args.epochs):
    student.train()
    loss_sum = 0.0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        with torch.no_grad():
            teacher_logits = teacher(inputs)
        optimizer.zero_grad()
        loss = kd_loss(student(inputs), teacher_logits, labels, args.T, args.alpha)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * inputs.size(0)
    scheduler.step()
    print("epoch %d loss %.4f" % (epoch, loss_sum / len(x_train)))
    acc = run_test(student, test_loader, "student")
    if acc > best:
        best = acc
        torch.save(student.state_dict(), "student_best.pth")
print("best student accuracy: %.2f" % best)
