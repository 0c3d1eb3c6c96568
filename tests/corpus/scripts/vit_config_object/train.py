import time
from dataclasses import dataclass
import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import load_digits


@dataclass
class Config:
    dim: int = 32
    depth: int = 2
    heads: int = 4
    patch: int = 2
    lr: float = 3e-4
    warmup: int = 10
    iterations: int = 60
    eval_every: int = 20
    eval_batches: int = 3
    batch_size: int = 32
    weight_decay: float = 0.1
    seed: int = 1337


cfg = Config()
torch.manual_seed(cfg.seed)
device = "cuda" if torch.cuda.is_available() else "cpu"
X, Y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32).view(-1, 8, 8) / 16.0
Y = torch.tensor(Y)
n = int(0.9 * len(X))
data = {"train": (X[:n], Y[:n]), "val": (X[n:], Y[n:])}


def draw(split):
    x, y = data[split]
    ix = torch.randint(len(x), (cfg.batch_size,))
    return x[ix].to(device), y[ix].to(device)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True, dropout=0.1)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        h = self.ln1(x)
        x = x + self.attn(h, h, h, need_weights=False)[0]
        return x + self.mlp(self.ln2(x))


class PatchNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.p = cfg.patch
        self.embed = nn.Linear(cfg.patch**2, cfg.dim)
        self.pos = nn.Parameter(torch.zeros(1, (8 // cfg.patch) ** 2, cfg.dim))
        self.blocks = nn.Sequential(*[Block(cfg.dim, cfg.heads) for _ in range(cfg.depth)])
        self.head = nn.Linear(cfg.dim, 10)

    def forward(self, x, targets=None):
        x = F.unfold(x.unsqueeze(1), self.p, stride=self.p).transpose(1, 2)
        x = self.blocks(self.embed(x) + self.pos)
        logits = self.head(x.mean(1))
        loss = None if targets is None else F.cross_entropy(logits, targets)
        return logits, loss


@torch.no_grad()
def mean_losses():
    out = {}
    model.eval()
    for split in ["train", "val"]:
        losses = torch.zeros(cfg.eval_batches)
        for k in range(cfg.eval_batches):
            xb, yb = draw(split)
            _, loss = model(xb, yb)
            losses[k] = loss.item()
        out[split] = losses.mean()
    model.train()
    return out


model = PatchNet(cfg).to(device)
decay = [p for p in model.parameters() if p.dim() >= 2]
plain = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW([
    {"params": decay, "weight_decay": cfg.weight_decay},
    {"params": plain, "weight_decay": 0.0},
], lr=cfg.lr, betas=(0.9, 0.95))


def rate_at(it):
    if it < cfg.warmup:
        return cfg.lr * (it + 1) / cfg.warmup
    return cfg.lr


t0 = time.time()
for it in range(cfg.iterations):
    for group in optimizer.param_groups:
        group["lr"] = rate_at(it)
    if it % cfg.eval_every == 0 or it == cfg.iterations - 1:
        losses = mean_losses()
        print(f"step {it}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
    xb, yb = draw("train")
    logits, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
print(f"done in {time.time() - t0:.1f}s")
