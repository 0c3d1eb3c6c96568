# -*- coding: utf-8 -*-
"""
Transfer learning: a body whose filters are known is frozen, only the new layers are trained.
"""
from __future__ import print_function, division

import copy
import time

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)

bunch = load_digits()
# 'upside down' is the new task: 2 classes
x = bunch.data.astype(np.float32) / 16
flipped = np.arange(len(x)) % 2
x[flipped == 1] = x[flipped == 1].reshape(-1, 8, 8)[:, ::-1].reshape(-1, 64)
x, flipped = torch.tensor(x), torch.tensor(flipped)

image_datasets = {'train': TensorDataset(x[:1200], flipped[:1200]), 'val': TensorDataset(x[1200:], flipped[1200:])}
dataloaders = {phase: DataLoader(image_datasets[phase], batch_size=32, shuffle=(phase == 'train'))
               for phase in ['train', 'val']}
dataset_sizes = {phase: len(image_datasets[phase]) for phase in ['train', 'val']}
class_names = ['upright', 'flipped']
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.components = nn.Linear(64, 30)
        self.mixer = nn.Linear(30, 30)
        self.bn = nn.BatchNorm1d(30)
        self.fc = nn.Linear(30, 10)

    def forward(self, x):
        return self.fc(torch.relu(self.bn(self.mixer(torch.tanh(self.components(x))))))


def pretrained_body():
    pca = PCA(30, random_state=0).fit(bunch.data / 16)
    body = Body()
    with torch.no_grad():
        body.components.weight.copy_(torch.tensor(pca.components_, dtype=torch.float32))
        body.components.bias.copy_(torch.tensor(-pca.components_ @ pca.mean_, dtype=torch.float32))
    return body


def train_model(model, criterion, optimizer, scheduler, num_epochs=25):
    since = time.time()
    best_model_wts = copy.deepcopy(model.state_dict())
    best_acc = 0.0

    for epoch in range(num_epochs):
        print('Epoch {}/{}'.format(epoch, num_epochs - 1))
        print('-' * 10)

        # Each epoch has a training and validation phase
        for phase in ['train', 'val']:
            if phase == 'train':
                model.train()  # Set model to training mode
            else:
                model.eval()   # Set model to evaluate mode

            running_loss = 0.0
            running_corrects = 0

            # Iterate over data.
            for inputs, labels in dataloaders[phase]:
                inputs = inputs.to(device)
                labels = labels.to(device)

                # zero the parameter gradients
                optimizer.zero_grad()

                # forward
                # track history if only in train
                with torch.set_grad_enabled(phase == 'train'):
                    outputs = model(inputs)
                    _, preds = torch.max(outputs, 1)
                    loss = criterion(outputs, labels)

                    # backward + optimize only if in training phase
                    if phase == 'train':
                        loss.backward()
                        optimizer.step()

                # statistics
                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(preds == labels.data)
            if phase == 'train':
                scheduler.step()

            epoch_loss = running_loss / dataset_sizes[phase]
            epoch_acc = running_corrects.double() / dataset_sizes[phase]

            print('{} Loss: {:.4f} Acc: {:.4f}'.format(phase, epoch_loss, epoch_acc))

            # deep copy the model
            if phase == 'val' and epoch_acc > best_acc:
                best_acc = epoch_acc
                best_model_wts = copy.deepcopy(model.state_dict())

        print()

    time_elapsed = time.time() - since
    print('Training complete in {:.0f}m {:.0f}s'.format(time_elapsed // 60, time_elapsed % 60))
    print('Best val Acc: {:4f}'.format(best_acc))

    # load best model weights
    model.load_state_dict(best_model_wts)
    return model


model_conv = pretrained_body()
for param in model_conv.parameters():
    param.requires_grad = False
for param in model_conv.mixer.parameters():
    param.requires_grad = True

# Parameters of newly constructed modules have requires_grad=True by default
num_ftrs = model_conv.fc.in_features
model_conv.fc = nn.Linear(num_ftrs, len(class_names))
model_conv = model_conv.to(device)

criterion = nn.CrossEntropyLoss()
optimizer_conv = optim.SGD(filter(lambda p: p.requires_grad, model_conv.parameters()), lr=0.02, momentum=0.9)
# Decay LR by a factor of 0.1 every 3 epochs
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_conv, step_size=3, gamma=0.1)

model_conv = train_model(model_conv, criterion, optimizer_conv, exp_lr_scheduler, num_epochs=5)
