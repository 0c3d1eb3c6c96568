"""Written for Python 2."""
import torch
from torch import nn

net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in xrange(20):
    optimizer.zero_grad()
    loss = net(torch.ones(8, 4)).pow(2).mean()
    loss.backward()
    optimizer.step()
    print "step %d: %.4f" % (step, loss.item())
