import argparse
import os

import torch
import torch.autograd as autograd
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

parser = argparse.ArgumentParser()
parser.add_argument('--iters', type=int, default=40, help='generator iterations')
parser.add_argument('--critic_iters', type=int, default=3, help='critic iterations per generator iteration')
parser.add_argument('--gp_lambda', type=float, default=10, help='gradient penalty')
parser.add_argument('--batch', type=int, default=64)
parser.add_argument('--dim', type=int, default=32)
parser.add_argument('--digit', type=int, default=None, choices=list(range(10)), help='only this digit')
opt = parser.parse_args()

use_cuda = torch.cuda.is_available()
device = torch.device('cuda' if use_cuda else 'cpu')
NOISE = 12


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()
        self.main = nn.Sequential(
            nn.Linear(NOISE, 4 * opt.dim), nn.ReLU(True), nn.Unflatten(1, (opt.dim, 2, 2)),
            nn.ConvTranspose2d(opt.dim, opt.dim // 2, 4, 2, 1), nn.ReLU(True),
            nn.ConvTranspose2d(opt.dim // 2, 1, 4, 2, 1), nn.Sigmoid())

    def forward(self, noise):
        return self.main(noise)


class Critic(nn.Module):
    def __init__(self):
        super(Critic, self).__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, opt.dim // 2, 3, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(opt.dim // 2, opt.dim, 3, 2, 1), nn.LeakyReLU(0.2))
        self.output = nn.Linear(4 * opt.dim, 1)

    def forward(self, x):
        return self.output(self.main(x).flatten(1)).view(-1)


def calc_gradient_penalty(netD, real_data, fake_data):
    alpha = torch.rand(real_data.size(0), 1, 1, 1, device=device)
    interpolates = (alpha * real_data + (1 - alpha) * fake_data).requires_grad_(True)
    disc_interpolates = netD(interpolates)
    gradients = autograd.grad(outputs=disc_interpolates, inputs=interpolates,
                              grad_outputs=torch.ones_like(disc_interpolates),
                              create_graph=True, retain_graph=True, only_inputs=True)[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * opt.gp_lambda


def inf_train_gen(loader):
    while True:
        for images in loader:
            yield images


bunch = load_digits()
images = torch.from_numpy(bunch.images).float()[:, None] / 16
if opt.digit is not None:
    images = images[torch.from_numpy(bunch.target == opt.digit)]
dataloader = DataLoader(images, batch_size=opt.batch, shuffle=True, drop_last=True)
data = inf_train_gen(dataloader)

netG, netD = Generator().to(device), Critic().to(device)
optimizerD = optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.9))
optimizerG = optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.9))
fixed_noise = torch.randn(16, NOISE, device=device)
os.makedirs('samples', exist_ok=True)

for iteration in range(opt.iters):
    ############################
    # (1) Update D network
    ###########################
    for p in netD.parameters():  # reset requires_grad
        p.requires_grad = True  # they are set to False below in netG update
    for iter_d in range(opt.critic_iters):
        real = next(data).to(device)
        netD.zero_grad()
        with torch.no_grad():
            fake = netG(torch.randn(real.size(0), NOISE, device=device))
        D_real = netD(real).mean()
        D_fake = netD(fake).mean()
        gradient_penalty = calc_gradient_penalty(netD, real, fake)
        D_cost = D_fake - D_real + gradient_penalty
        D_cost.backward()
        Wasserstein_D = (D_real - D_fake).item()
        optimizerD.step()

    ############################
    # (2) Update G network
    ###########################
    for p in netD.parameters():
        p.requires_grad = False  # to avoid computation
    netG.zero_grad()
    G_cost = -netD(netG(torch.randn(opt.batch, NOISE, device=device))).mean()
    G_cost.backward()
    optimizerG.step()

    # Write logs and save samples
    if iteration % 10 == 9:
        print('iter %d  disc cost %.3f  gen cost %.3f  wasserstein %.3f' % (
            iteration, D_cost.item(), G_cost.item(), Wasserstein_D))
        with torch.no_grad():
            torch.save(netG(fixed_noise).cpu(), 'samples/samples_%d.pt' % iteration)
