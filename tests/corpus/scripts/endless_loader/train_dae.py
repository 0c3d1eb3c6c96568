# denoising autoencoder, counted in steps and fed by a loader that never ends
import argparse
import json
import pathlib

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def infinite(loader):
    while True:
        for batch in loader:
            yield batch


class DAE(nn.Module):
    def __init__(self, ch=8, code=12):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, ch, 3, stride=2, padding=1), nn.GroupNorm(2, ch), nn.SiLU(),
            nn.Conv2d(ch, 2 * ch, 3, stride=2, padding=1), nn.SiLU(),
            nn.Flatten(), nn.Linear(2 * ch * 4, code),
        )
        self.dec = nn.Sequential(
            nn.Linear(code, 2 * ch * 4), nn.Unflatten(1, (2 * ch, 2, 2)), nn.SiLU(),
            nn.ConvTranspose2d(2 * ch, ch, 4, stride=2, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(ch, 1, 4, stride=2, padding=1),
        )

    def forward(self, x):
        return self.dec(self.enc(x)).sigmoid()


def corrupt(x, sigma, p_mask):
    noisy = x + sigma * torch.randn_like(x)
    keep = (torch.rand_like(x) > p_mask).float()
    return (noisy * keep).clamp(0, 1)


def main(opt):
    torch.manual_seed(opt.seed)
    out = pathlib.Path(opt.out)
    out.mkdir(exist_ok=True, parents=True)
    (out / "options.json").write_text(json.dumps(vars(opt), indent=2))

    imgs = torch.as_tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
    # the last ones are only looked at
    loader = DataLoader(TensorDataset(imgs[:1600]), batch_size=opt.bs, shuffle=True, drop_last=True)
    held_out = imgs[1600:]

    model = DAE(code=opt.code)
    print("%.1fk parameters" % (sum(p.numel() for p in model.parameters()) / 1e3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=opt.lr, betas=(0.9, 0.99))
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / opt.warmup, 1.0))

    data_iter = infinite(loader)
    avg = None
    for step in range(1, opt.max_steps + 1):
        (x,) = next(data_iter)
        model.train()
        recon = model(corrupt(x, opt.sigma, opt.p_mask))
        loss = F.mse_loss(recon, x)

        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        warmup.step()

        avg = loss.item() if avg is None else 0.95 * avg + 0.05 * loss.item()
        if step % opt.log_every == 0:
            print(f"step {step} lr {warmup.get_last_lr()[0]:.2e} loss {avg:.5f}")
        if step % opt.save_every == 0 or step == opt.max_steps:
            torch.save({"step": step, "model": model.state_dict(), "opt": optimizer.state_dict()}, out / "latest.pt")

    model.eval()
    with torch.inference_mode():
        clean = F.mse_loss(model(held_out), held_out)
    print(f"held out reconstruction {clean.item():.5f}")


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--bs", default=50, type=int)
    a.add_argument("--lr", default=3e-3, type=float)
    a.add_argument("--sigma", default=0.2, type=float)
    a.add_argument("--p-mask", default=0.25, type=float)
    a.add_argument("--code", default=12, type=int)
    a.add_argument("--warmup", default=20, type=int)
    a.add_argument("--max-steps", default=160, type=int)
    a.add_argument("--log-every", default=20, type=int)
    a.add_argument("--save-every", default=80, type=int)
    a.add_argument("--seed", default=0, type=int)
    a.add_argument("--out", default="out/dae", type=str)
    main(a.parse_args())
