import argparse

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Moons(Dataset):
    def __init__(self, n_samples, noise, seed):
        points, classes = make_moons(n_samples, noise=noise, random_state=seed)
        self.points = torch.tensor(points, dtype=torch.float)
        self.classes = torch.tensor(classes)

    def __len__(self):
        return len(self.points)

    def __getitem__(self, i):
        return self.points[i], self.classes[i]


def train_one_epoch(model, loader, optimizer, loss_fn):
    model.train()
    size = len(loader.dataset)
    for batch, (X, y) in enumerate(loader):
        # Compute prediction and loss
        pred = model(X)
        loss = loss_fn(pred, y)

        # Backpropagation
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

        if batch % 5 == 0:
            loss, current = loss.item(), (batch + 1) * len(X)
            print(f"loss: {loss:>7f}  [{current:>5d}/{size:>5d}]")


def test_loop(model, loader, loss_fn):
    # Set the model to evaluation mode - important for batch normalization and dropout layers
    model.eval()
    size = len(loader.dataset)
    num_batches = len(loader)
    test_loss, correct = 0, 0
    with torch.no_grad():
        for X, y in loader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    test_loss /= num_batches
    correct /= size
    print(f"Test Error: \n Accuracy: {(100 * correct):>0.1f}%, Avg loss: {test_loss:>8f} \n")
    return test_loss


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("epochs", type=int, help="how long to train")
    parser.add_argument("--hidden", type=int, nargs="+", default=[32, 16], help="sizes of the hidden layers")
    parser.add_argument("--noise", type=float, default=0.15)
    parser.add_argument("--verbose", type=bool, default=True)
    args = parser.parse_args()
    train_dataloader = DataLoader(Moons(640, args.noise, 0), batch_size=32, shuffle=True)
    test_dataloader = DataLoader(Moons(200, args.noise, 1), batch_size=100)

    sizes = [2, *args.hidden]
    layers = [m for i, o in zip(sizes, sizes[1:]) for m in (nn.Linear(i, o), nn.ReLU(), nn.Dropout(0.05))]
    model = nn.Sequential(*layers, nn.Linear(sizes[-1], 2))
    if args.verbose:
        print(model)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    # how bad is it before anything was learnt?
    before = test_loop(model, test_dataloader, loss_fn)
    for t in range(args.epochs):
        print(f"Epoch {t + 1}\n-------------------------------")
        train_one_epoch(model, train_dataloader, optimizer, loss_fn)
        after = test_loop(model, test_dataloader, loss_fn)
    print("Done! %.3f -> %.3f" % (before, after))
