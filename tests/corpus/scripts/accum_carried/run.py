import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader

# effective batch = 8 * 3
BATCH_SIZE = 8
ACC_STEPS = 3
NUM_EPOCHS = 4


class XorParity(Dataset):
    """bit strings and whether the first five of them have an odd number of ones"""

    def __init__(self, n, bits=8, seed=0):
        g = torch.Generator().manual_seed(seed)
        self.x = torch.randint(0, 2, (n, bits), generator=g).float()
        self.y = (self.x[:, :5].sum(1) % 2).unsqueeze(1)

    def __getitem__(self, idx):
        return {'bits': self.x[idx] * 2 - 1, 'odd': self.y[idx]}

    def __len__(self):
        return len(self.x)


def build_model():
    layers = []
    for a, b in [(8, 64), (64, 64)]:
        layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(0.05), nn.Linear(64, 1))


train_dl = DataLoader(XorParity(400), batch_size=BATCH_SIZE, shuffle=True)
valid_dl = DataLoader(XorParity(100, seed=1), batch_size=50)
net = build_model()
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.AdamW(net.parameters(), lr=2e-2, weight_decay=0.01)

opt.zero_grad()
for epoch in range(NUM_EPOCHS):
    net.train()
    for step, batch in enumerate(train_dl):
        out = net(batch['bits'])
        loss = bce(out, batch['odd']) / ACC_STEPS
        loss.backward()
        if (step + 1) % ACC_STEPS == 0:
            opt.step()
            opt.zero_grad()
        if step % 10 == 0:
            print('epoch %d step %3d loss %.4f' % (epoch, step, loss.item() * ACC_STEPS))

    net.eval()
    correct = 0
    val_loss = 0.
    with torch.no_grad():
        for batch in valid_dl:
            out = net(batch['bits'])
            val_loss += bce(out, batch['odd']).item()
            correct += ((out > 0).float() == batch['odd']).sum().item()
    print('epoch %d val_loss %.4f val_acc %.3f' % (epoch, val_loss / len(valid_dl), correct / len(valid_dl.dataset)))
