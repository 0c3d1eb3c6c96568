import copy
import math

import torch
from sklearn.datasets import make_swiss_roll
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

# --- hyperparameters
T = 50
BATCH = 128
EPOCHS = 4
LR = 2e-3
EMA_DECAY = 0.98
SAMPLE_EVERY = 2
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class EMA:
    """keeps a slowly moving copy of the weights"""

    def __init__(self, beta):
        self.beta = beta
        self.step = 0

    def update_model_average(self, ma_model, current_model):
        for current_params, ma_params in zip(current_model.parameters(), ma_model.parameters()):
            ma_params.data = self.update_average(ma_params.data, current_params.data)

    def update_average(self, old, new):
        return old * self.beta + (1 - self.beta) * new

    def step_ema(self, ema_model, model, step_start_ema=10):
        if self.step < step_start_ema:
            ema_model.load_state_dict(model.state_dict())
        else:
            self.update_model_average(ema_model, model)
        self.step += 1


class Diffusion:
    def __init__(self, steps, beta_start=1e-4, beta_end=0.12):
        self.steps = steps
        self.beta = torch.linspace(beta_start, beta_end, steps).to(DEVICE)
        self.alpha = 1.0 - self.beta
        self.alpha_hat = torch.cumprod(self.alpha, dim=0)

    def noise(self, x, t):
        a = self.alpha_hat[t].sqrt()[:, None]
        b = (1 - self.alpha_hat[t]).sqrt()[:, None]
        eps = torch.randn_like(x)
        return a * x + b * eps, eps

    def sample_timesteps(self, n):
        return torch.randint(low=1, high=self.steps, size=(n,))

    @torch.no_grad()
    def sample(self, model, n):
        model.eval()
        x = torch.randn(n, 2, device=DEVICE)
        for i in reversed(range(1, self.steps)):
            t = torch.full((n,), i, device=DEVICE)
            predicted = model(x, t)
            z = torch.randn_like(x) if i > 1 else torch.zeros_like(x)
            x = (x - (1 - self.alpha[i]) / (1 - self.alpha_hat[i]).sqrt() * predicted) / self.alpha[i].sqrt()
            x = x + self.beta[i].sqrt() * z
        model.train()
        return x


class Denoiser(nn.Module):
    def __init__(self, hidden=64, time_dim=16):
        super().__init__()
        self.time_dim = time_dim
        self.inp = nn.Linear(2 + time_dim, hidden)
        self.mid = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 2)

    def pos_encoding(self, t):
        freq = torch.exp(-math.log(1000.0) * torch.arange(0, self.time_dim, 2, device=t.device) / self.time_dim)
        arg = t[:, None].float() * freq[None]
        return torch.cat([arg.sin(), arg.cos()], dim=-1)

    def forward(self, x, t):
        h = F.silu(self.inp(torch.cat([x, self.pos_encoding(t)], -1)))
        h = h + F.silu(self.mid(h))
        return self.out(h)


def get_data():
    points, _ = make_swiss_roll(2000, noise=0.5, random_state=0)
    points = torch.tensor(points[:, [0, 2]], dtype=torch.float32) / 10.0
    return DataLoader(TensorDataset(points), batch_size=BATCH, shuffle=True)


def train():
    dataloader = get_data()
    model = Denoiser().to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    mse = nn.MSELoss()
    diffusion = Diffusion(T)
    ema = EMA(EMA_DECAY)
    ema_model = copy.deepcopy(model).eval().requires_grad_(False)

    for epoch in range(EPOCHS):
        pbar = tqdm(dataloader)
        for i, (points,) in enumerate(pbar):
            points = points.to(DEVICE)
            t = diffusion.sample_timesteps(points.shape[0]).to(DEVICE)
            x_t, noise = diffusion.noise(points, t)
            predicted_noise = model(x_t, t)
            loss = mse(noise, predicted_noise)

            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ema.step_ema(ema_model, model)

            pbar.set_postfix(MSE=loss.item())

        if epoch % SAMPLE_EVERY == SAMPLE_EVERY - 1:
            ema_sampled = diffusion.sample(ema_model, n=64)
            print("epoch", epoch, "spread of samples", ema_sampled.std(0).tolist())
            torch.save(model.state_dict(), "ckpt.pt")
            torch.save(ema_model.state_dict(), "ema_ckpt.pt")


if __name__ == "__main__":
    torch.manual_seed(42)
    train()
