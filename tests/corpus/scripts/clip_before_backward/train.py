import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

# ---- data: noisy damped oscillations, predict the next value ----
np.random.seed(3)
torch.manual_seed(3)
t = np.linspace(0, 12, 120)
curves = [np.exp(-0.1 * t) * np.sin(w * t + p) + 0.02 * np.random.randn(120)
          for w, p in zip(np.random.uniform(0.8, 2, 24), np.random.uniform(0, 3, 24))]
windows = np.stack([c[i:i + 13] for c in curves for i in range(0, 100, 6)]).astype(np.float32)
np.random.shuffle(windows)
train_x, train_y = windows[:320, :12], windows[:320, 12:]
test_x, test_y = windows[320:, :12], windows[320:, 12:]


class GRUNet(nn.Module):
    def __init__(self, hidden_dim, n_layers, drop_prob=0.1):
        super(GRUNet, self).__init__()
        self.hidden_dim, self.n_layers = hidden_dim, n_layers
        self.gru = nn.GRU(1, hidden_dim, n_layers, batch_first=True, dropout=drop_prob)
        self.fc = nn.Linear(hidden_dim, 1)
        self.relu = nn.ReLU()

    def forward(self, x, h):
        out, h = self.gru(x, h)
        out = self.fc(self.relu(out[:, -1]))
        return out, h

    def init_hidden(self, batch_size):
        weight = next(self.parameters()).data
        hidden = weight.new(self.n_layers, batch_size, self.hidden_dim).zero_()
        return hidden


device = torch.device('cuda') if torch.cuda.is_available() else torch.device('cpu')


def train(train_loader, learn_rate, hidden_dim=16, EPOCHS=3):
    model = GRUNet(hidden_dim, 2)
    model.to(device)
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=learn_rate)
    model.train()
    print("Starting Training")
    for epoch in range(1, EPOCHS + 1):
        h = model.init_hidden(batch_size)
        avg_loss = 0.
        counter = 0
        for x, label in train_loader:
            counter += 1
            h = h.data
            model.zero_grad()
            out, h = model(x.unsqueeze(-1).to(device), h)
            loss = criterion(out, label.to(device).float())
            # keep the gradients small
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            loss.backward()
            optimizer.step()
            avg_loss += loss.item()
            if counter % 10 == 0:
                print("Epoch {}......Step: {}/{}....... Average Loss for Epoch: {}".format(
                    epoch, counter, len(train_loader), avg_loss / counter))
        print("Epoch {}/{} Done, Total Loss: {}".format(epoch, EPOCHS, avg_loss / len(train_loader)))
    return model


def evaluate(model, test_x, test_y):
    model.eval()
    inp = torch.from_numpy(test_x).unsqueeze(-1)
    h = model.init_hidden(inp.shape[0])
    with torch.no_grad():
        out, h = model(inp.to(device), h)
    mae = np.abs(out.cpu().numpy() - test_y).mean()
    print("Mean absolute error: {:.4f}".format(mae))
    return mae


batch_size = 16
train_data = TensorDataset(torch.from_numpy(train_x), torch.from_numpy(train_y))
train_loader = DataLoader(train_data, shuffle=True, batch_size=batch_size, drop_last=True)
lr = 0.005
gru_model = train(train_loader, lr)
evaluate(gru_model, test_x, test_y)
