import torch, torch.nn as nn, torch.optim as optim
from sklearn.datasets import load_digits
import torch.utils.data as data

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.FloatTensor(x)/16.; y = torch.LongTensor(y)
mean, std = x[:1200].mean(0), x[:1200].std(0)+1e-2
x = (x-mean)/std
trainset = data.TensorDataset(x[:1200], y[:1200]); testset = data.TensorDataset(x[1200:], y[1200:])
trainloader = data.DataLoader(trainset, batch_size=50, shuffle=True)
testloader = data.DataLoader(testset, batch_size=100, shuffle=False)

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
  running = 0.0
  for i, dt in enumerate(trainloader, 0):
    inputs, labels = dt
    outputs = net(inputs)
    loss = criterion(outputs, labels)/iter_size
    loss.backward()
    running += loss.item()*iter_size
    if i % iter_size == 0 or i == len(trainloader)-1:
      optimizer.step()
      optimizer.zero_grad()
    if i % 8 == 7:
      print('[%d, %5d] loss: %.3f' % (epoch + 1, i + 1, running / 8))
      running = 0.0

  correct = 0; total = 0
  net.eval()
  with torch.no_grad():
    for dt in testloader:
      images, labels = dt
      outputs = net(images)
      _, predicted = torch.max(outputs.data, 1)
      total += labels.size(0)
      correct += (predicted == labels).sum().item()
  print('Accuracy of the network on the %d test images: %d %%' % (total, 100 * correct / total))

print('Finished Training')
