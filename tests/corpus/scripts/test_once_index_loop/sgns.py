"""
Skip-gram with negative sampling on the words of a text, the batches cut by hand.

    python sgns.py TEXT
"""
import argparse
import collections

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument('text')
parser.add_argument('--dim', default=24, type=int)
parser.add_argument('--window', default=2, type=int)
parser.add_argument('--negatives', default=4, type=int)
parser.add_argument('--batch', default=512, type=int)
parser.add_argument('--min-count', default=3, type=int)
parser.add_argument('--epochs', default=2, type=int)
parser.add_argument('--seed', default=None, type=int)
FLAGS = parser.parse_args()

if FLAGS.seed is not None:
    np.random.seed(FLAGS.seed)
    torch.manual_seed(FLAGS.seed)

words = [''.join(c for c in w if c.isalpha()) for w in open(FLAGS.text).read().lower().split()]
counts = collections.Counter(words)
vocab = [w for w, c in counts.most_common() if c >= FLAGS.min_count and w]
index = {w: i for i, w in enumerate(vocab)}
corpus = [index[w] for w in words if w in index]
pairs = []
for i, centre in enumerate(corpus):
    for j in range(max(0, i - FLAGS.window), min(len(corpus), i + FLAGS.window + 1)):
        if i != j:
            pairs.append((centre, corpus[j]))
pairs = torch.tensor(pairs)
pairs = pairs[torch.randperm(len(pairs))]
heldout, pairs = pairs[:1000], pairs[1000:12000]
print('%d words, %d pairs' % (len(vocab), len(pairs)))


class SkipGram(nn.Module):
    def __init__(self, n, dim):
        super(SkipGram, self).__init__()
        self.inner = nn.Embedding(n, dim)
        self.outer = nn.Embedding(n, dim)
        nn.init.uniform_(self.inner.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.outer.weight)

    def forward(self, centre, context, negatives):
        v = self.inner(centre)
        pos = (v * self.outer(context)).sum(1)
        neg = torch.bmm(self.outer(negatives), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(pos) + F.logsigmoid(-neg).sum(1)).mean()


freq = np.array([counts[w] for w in vocab]) ** 0.75
freq /= freq.sum()


def sample_negatives(n):
    return torch.from_numpy(np.random.choice(len(vocab), size=(n, FLAGS.negatives), p=freq))


net = SkipGram(len(vocab), FLAGS.dim)
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(FLAGS.epochs):
    perm = torch.randperm(len(pairs))
    total = 0.
    for start in range(0, len(pairs), FLAGS.batch):
        idx = perm[start:start + FLAGS.batch]
        centre, context = pairs[idx].t()
        optimizer.zero_grad()
        loss = net(centre, context, sample_negatives(len(idx)))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print('epoch %d: %.4f' % (epoch, total / len(pairs)))

# the held-out pairs, once, at the end
net.eval()
with torch.no_grad():
    score = net(heldout[:, 0], heldout[:, 1], sample_negatives(len(heldout)))
print('held out: %.4f' % score.item())
np.savez('vectors.npz', words=np.array(vocab), vectors=net.inner.weight.detach().numpy())
