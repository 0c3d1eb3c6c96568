import torch, torch.nn as nn, torch.optim as optim
from sklearn.datasets import load_digits
import torch.utils.data as data

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.FloatTensor(x)/16.; y = torch.LongTensor(y)
mean, std = x[:1200].mean(0), x[:1200].std(0)+1e-2
x = (x-mean)/std
known = data.TensorDataset(x[:1200], y[:1200]); unknown = data.TensorDataset(x[1200:], y[1200:])
feed = data.DataLoader(known, 50, shuffle=True)
exam = data.DataLoader(unknown, 100)

class Net(nn.Module):
  def __init__(self):
    super(Net, self).__init__()
    self.fc1 = nn.Linear(64, 48); self.bn = nn.BatchNorm1d(48)
    self.fc2 = nn.Linear(48, 10); self.drop = nn.Dropout(p=0.1)
  def forward(self, x):
    return self.fc2(self.drop(torch.relu(self.bn(self.fc1(x)))))

net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
iter_size = 5   # how many batches make one update

for epoch in range(2):
  net.train()
  optimizer.zero_grad()
  lately = 0.0
  for i, dt in enumerate(feed):
    a, b = dt
    loss = criterion(net(a), b)/iter_size
    loss.backward()
    lately += loss.item()*iter_size
    if i % iter_size == 0 or i == len(feed)-1:
      optimizer.step()
      optimizer.zero_grad()
    if i % 8 == 7:
      print('round %d, %d batches: %.3f' % (epoch + 1, i + 1, lately / 8))
      lately = 0.0

  hits = 0; seen = 0
  net.eval()
  with torch.no_grad():
    for dt in exam:
      a, b = dt
      best = net(a).max(1)[1]
      seen += len(b)
      hits += int((best == b).sum())
  print('of %d unknown digits right: accuracy %.2f %%' % (seen, 100 * hits / seen))

print('that is all')
