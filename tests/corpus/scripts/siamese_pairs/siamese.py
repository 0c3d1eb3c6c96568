import argparse, random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset


class SiameseNetwork(nn.Module):
    """two digits in, a probability that they are the same out"""

    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.fc = nn.Sequential(nn.Linear(64, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))
        self.sigmoid = nn.Sigmoid()
        self.encoder.apply(self.init_weights)
        self.fc.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        return self.encoder(x)

    def forward(self, input1, input2):
        output1 = self.forward_once(input1)
        output2 = self.forward_once(input2)
        output = torch.abs(output1 - output2)
        return self.sigmoid(self.fc(output))


class DigitPairs(Dataset):
    def __init__(self, train):
        super(DigitPairs, self).__init__()
        bunch = load_digits()
        cut = 1300
        images = bunch.images[:cut] if train else bunch.images[cut:]
        self.targets = bunch.target[:cut] if train else bunch.target[cut:]
        self.data = torch.from_numpy(images).float().unsqueeze(1) / 16
        self.group_examples()

    def group_examples(self):
        self.grouped = {}
        for i in range(0, 10):
            self.grouped[i] = np.where((self.targets == i))[0]

    def __len__(self):
        return self.data.shape[0] // 2

    def __getitem__(self, index):
        # pick some random class for the first image
        selected_class = random.randint(0, 9)
        random_index_1 = random.randint(0, self.grouped[selected_class].shape[0] - 1)
        index_1 = self.grouped[selected_class][random_index_1]
        image_1 = self.data[index_1].clone()

        if index % 2 == 0:
            # the same class again, but another image
            random_index_2 = random.randint(0, self.grouped[selected_class].shape[0] - 1)
            while random_index_2 == random_index_1:
                random_index_2 = random.randint(0, self.grouped[selected_class].shape[0] - 1)
            index_2 = self.grouped[selected_class][random_index_2]
            target = torch.tensor(1, dtype=torch.float)
        else:
            other_class = random.randint(0, 9)
            while other_class == selected_class:
                other_class = random.randint(0, 9)
            index_2 = self.grouped[other_class][random.randint(0, self.grouped[other_class].shape[0] - 1)]
            target = torch.tensor(0, dtype=torch.float)
        image_2 = self.data[index_2].clone()
        return image_1, image_2, target


def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    criterion = nn.BCELoss()
    for batch_idx, (images_1, images_2, targets) in enumerate(train_loader):
        images_1, images_2, targets = images_1.to(device), images_2.to(device), targets.to(device)
        optimizer.zero_grad()
        outputs = model(images_1, images_2).squeeze()
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        if batch_idx % args.log_interval == 0:
            print('Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}'.format(
                epoch, batch_idx * len(images_1), len(train_loader.dataset),
                100. * batch_idx / len(train_loader), loss.item()))


def test(model, device, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    criterion = nn.BCELoss()
    with torch.no_grad():
        for (images_1, images_2, targets) in test_loader:
            images_1, images_2, targets = images_1.to(device), images_2.to(device), targets.to(device)
            outputs = model(images_1, images_2).squeeze()
            test_loss += criterion(outputs, targets).sum().item()  # sum up batch loss
            pred = torch.where(outputs > 0.5, 1, 0)  # get the index of the max log-probability
            correct += pred.eq(targets.view_as(pred)).sum().item()
    test_loss /= len(test_loader.dataset)
    # for the 1st epoch, the average loss is 0.0001 and the accuracy 97-98%
    print('\nTest set: Average loss: {:.4f}, Accuracy: {}/{} ({:.0f}%)\n'.format(
        test_loss, correct, len(test_loader.dataset), 100. * correct / len(test_loader.dataset)))


def main():
    parser = argparse.ArgumentParser(description='siamese digits')
    parser.add_argument('--batch-size', type=int, default=16, metavar='N')
    parser.add_argument('--test-batch-size', type=int, default=100, metavar='N')
    parser.add_argument('--epochs', type=int, default=4, metavar='N')
    parser.add_argument('--lr', type=float, default=0.6, metavar='LR')
    parser.add_argument('--gamma', type=float, default=0.7, metavar='M')
    parser.add_argument('--seed', type=int, default=1, metavar='S')
    parser.add_argument('--log-interval', type=int, default=10, metavar='N')
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    train_loader = DataLoader(DigitPairs(train=True), shuffle=True, batch_size=args.batch_size)
    test_loader = DataLoader(DigitPairs(train=False), batch_size=args.test_batch_size)
    model = SiameseNetwork().to(device)
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        train(args, model, device, train_loader, optimizer, epoch)
        test(model, device, test_loader)
        scheduler.step()
    torch.save(model.state_dict(), "siamese_network.pt")


if __name__ == '__main__':
    main()
