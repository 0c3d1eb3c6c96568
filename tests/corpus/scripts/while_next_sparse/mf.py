"""
Matrix factorisation with biases on made-up ratings.
The embeddings are sparse, so they have an optimizer of their own.
"""
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

nUsers, nItems, nFactors = 120, 90, 4
maxIter = 130
batchSize = 96
powerDecay = 0.9
baseLr = 0.02


class Ratings(Dataset):
    def __init__(self, nRatings, seed):
        gen = torch.Generator().manual_seed(12)     # the same taste in both sets
        userTaste = torch.randn(nUsers, nFactors, generator=gen)
        itemStyle = torch.randn(nItems, nFactors, generator=gen)
        gen.manual_seed(seed)
        self.u = torch.randint(nUsers, (nRatings,), generator=gen)
        self.i = torch.randint(nItems, (nRatings,), generator=gen)
        r = 3 + 0.7 * (userTaste[self.u] * itemStyle[self.i]).sum(1)
        self.r = (r + 0.2 * torch.randn(nRatings, generator=gen)).clamp(1, 5)

    def __len__(self): return len(self.r)

    def __getitem__(self, k): return self.u[k], self.i[k], self.r[k]


class MF(nn.Module):
    def __init__(self):
        super().__init__()
        self.userEmb = nn.Embedding(nUsers, nFactors, sparse=True)
        self.itemEmb = nn.Embedding(nItems, nFactors, sparse=True)
        nn.init.normal_(self.userEmb.weight, std=0.3)
        nn.init.normal_(self.itemEmb.weight, std=0.3)
        self.mix = nn.Sequential(nn.Linear(nFactors, 12), nn.Tanh(), nn.Dropout(0.05), nn.Linear(12, 1))
        self.mu = nn.Parameter(torch.tensor(3.0))

    def forward(self, u, i):
        return self.mu + self.mix(self.userEmb(u) * self.itemEmb(i)).squeeze(1)


def polyLr(optimizers, it):
    lr = baseLr * (1 - it / maxIter) ** powerDecay
    for o in optimizers:
        for group in o.param_groups:
            group['lr'] = lr
    return lr


trainLoader = DataLoader(Ratings(3000, seed=1), batch_size=batchSize, shuffle=True)
testLoader = DataLoader(Ratings(600, seed=2), batch_size=300)
net = MF()
lossFn = nn.MSELoss()
sparseOpt = torch.optim.SparseAdam(list(net.userEmb.parameters()) + list(net.itemEmb.parameters()), lr=baseLr)
denseOpt = torch.optim.Adam(list(net.mix.parameters()) + [net.mu], lr=baseLr)


def testRmse():
    net.eval()
    total = 0
    with torch.no_grad():
        for u, i, r in testLoader:
            total += ((net(u, i).clamp(1, 5) - r) ** 2).sum().item()
    net.train()
    return (total / len(testLoader.dataset)) ** 0.5


it = 0
trainIter = iter(trainLoader)
while it < maxIter:
    try:
        u, i, r = next(trainIter)
    except StopIteration:
        print('iteration %d: test rmse %.4f' % (it, testRmse()))
        trainIter = iter(trainLoader)
        u, i, r = next(trainIter)

    lr = polyLr([sparseOpt, denseOpt], it)
    loss = lossFn(net(u, i), r)
    sparseOpt.zero_grad()
    denseOpt.zero_grad()
    loss.backward()
    sparseOpt.step()
    denseOpt.step()
    it += 1
    if it % 25 == 0:
        print('iteration %d lr %.5f loss %.4f' % (it, lr, loss.item()))

torch.save(net.state_dict(), 'mf.pth')
