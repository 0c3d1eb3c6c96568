"""Two processes train one network in shared memory."""
import torch
import torch.multiprocessing as mp
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def work(net, seed):
    torch.manual_seed(seed)
    x, y = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(x).float() / 16, torch.tensor(y))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for images, labels in DataLoader(data, batch_size=64, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()


if __name__ == "__main__":
    net = nn.Linear(64, 10)
    net.share_memory()
    workers = [mp.get_context("fork").Process(target=work, args=(net, seed)) for seed in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
