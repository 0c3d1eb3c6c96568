"""Wasserstein GAN on eight gaussians. The critic is clipped, the generator moves every n_critic steps."""
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

n_critic = 5
clip = 0.05
latent = 4
batch_size = 64
epochs = 3
lr = 1e-3


def eight_gaussians(n):
    k = torch.randint(0, 8, (n,))
    angle = k * (2 * math.pi / 8)
    centre = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    return centre + 0.05 * torch.randn(n, 2)


mlp = lambda i, o: nn.Sequential(nn.Linear(i, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, o))

G, D = mlp(latent, 2), mlp(2, 1)
opt_g = torch.optim.RMSprop(G.parameters(), lr=lr)
opt_d = torch.optim.RMSprop(D.parameters(), lr=lr)
loader = DataLoader(TensorDataset(eight_gaussians(1600)), batch_size, shuffle=True)

step = 0
history = {"d": [], "g": []}
for epoch in range(epochs):
    for (real,) in loader:
        # critic
        noise = torch.randn(real.size(0), latent)
        fake = G(noise).detach()
        d_loss = D(fake).mean() - D(real).mean()
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
        for p in D.parameters():
            p.data.clamp_(-clip, clip)
        history["d"].append(d_loss.item())

        # generator, now and then
        if step % n_critic == 0:
            fake = G(torch.randn(real.size(0), latent))
            g_loss = -D(fake).mean()
            opt_g.zero_grad()
            g_loss.backward()
            opt_g.step()
            history["g"].append(g_loss.item())
        step += 1
    print("epoch", epoch, "W estimate", -d_loss.item(), "g", g_loss.item())

# keep what the last batch looked like
torch.save({"real": real, "fake": fake.detach(), "history": history}, "wgan.pt")
print("steps: %i, spread of the fakes: %.3f" % (step, fake.std().item()))
