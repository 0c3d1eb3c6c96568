import argparse
import logging
import os
import sys
from pprint import pformat

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset

log = logging.getLogger("train")


def str2bool(v):
    if v.lower() in ("yes", "true", "t", "1"):
        return True
    if v.lower() in ("no", "false", "f", "0"):
        return False
    raise argparse.ArgumentTypeError("Boolean value expected.")


def parse_args():
    p = argparse.ArgumentParser(description="How much does the disease progress in a year? (10 features)")
    p.add_argument("exp_name", type=str, help="name of the experiment")
    p.add_argument("--output", "-o", required=True, help="folder for everything that is written")

    g = p.add_argument_group("model")
    g.add_argument("--hidden", type=int, nargs="+", default=[32, 16], metavar="N", help="sizes of hidden layers")
    g.add_argument("--act", choices=["ReLU", "Tanh", "SiLU"], default="SiLU")
    g.add_argument("--dropout", type=float, default=0.1)
    g.add_argument("--no-norm", dest="norm", action="store_false", help="no batch norm")

    g = p.add_argument_group("optimization")
    g.add_argument("--opt", default="Adam", choices=["SGD", "Adam", "AdamW", "RMSprop"])
    g.add_argument("--lr", "--learning-rate", type=float, default=0.01)
    g.add_argument("--wd", type=float, default=0.0)
    g.add_argument("--momentum", type=float, default=0.9, help="only for SGD")
    g.add_argument("--betas", type=float, nargs=2, default=(0.9, 0.99), help="only for Adam")
    g.add_argument("--loss", choices=("mse", "l1", "huber"), default="huber")
    g.add_argument("--sched", default=None, choices=["step", "exp"])
    g.add_argument("--gamma", type=float, default=0.9)
    g.add_argument("--epochs", type=int, default=8)
    g.add_argument("--batch-size", type=int, default=32)
    g.add_argument("--drop-last", type=str2bool, nargs="?", const=True, default=True)

    p.add_argument("--columns", type=lambda s: [int(c) for c in s.split(",")], default=None, help="as in 0,2,5")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--deterministic", action="store_true")
    p.add_argument("--shuffle", action=argparse.BooleanOptionalAction, default=True)
    p.add_argument("-v", "--verbose", action="count", default=0)
    p.add_argument("--tag", action="append", default=[], help="can be given several times")
    return p.parse_args()


def build_model(args, n_in):
    layers = []
    for n_out in args.hidden:
        layers.append(nn.Linear(n_in, n_out))
        if args.norm:
            layers.append(nn.BatchNorm1d(n_out))
        layers.append(getattr(nn, args.act)())
        if args.dropout > 0:
            layers.append(nn.Dropout(args.dropout))
        n_in = n_out
    layers.append(nn.Linear(n_in, 1))
    return nn.Sequential(*layers)


def build_optimizer(args, model):
    kwargs = {"lr": args.lr, "weight_decay": args.wd}
    if args.opt == "SGD":
        kwargs["momentum"] = args.momentum
    elif args.opt.startswith("Adam"):
        kwargs["betas"] = tuple(args.betas)
    return getattr(optim, args.opt)(model.parameters(), **kwargs)


LOSSES = {"mse": nn.MSELoss, "l1": nn.L1Loss, "huber": nn.SmoothL1Loss}


def main():
    args = parse_args()
    args.output = os.path.join(args.output, args.exp_name)
    args.log_every = 5 if args.verbose else 50
    os.makedirs(args.output, exist_ok=True)
    logging.basicConfig(stream=sys.stdout, level=logging.DEBUG if args.verbose else logging.INFO)
    log.info("\n%s", pformat(vars(args)))
    torch.manual_seed(args.seed)
    if args.deterministic:
        torch.use_deterministic_algorithms(True)

    X, y = load_diabetes(return_X_y=True)
    if args.columns is not None:
        X = X[:, args.columns]
    X = torch.tensor(X, dtype=torch.float32) * 20
    y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
    train_loader = DataLoader(TensorDataset(X[:352], y[:352]), args.batch_size, shuffle=args.shuffle,
                              drop_last=args.drop_last)
    test_loader = DataLoader(TensorDataset(X[352:], y[352:]), args.batch_size)

    model = build_model(args, X.shape[1])
    optimizer = build_optimizer(args, model)
    criterion = LOSSES[args.loss]()
    if args.sched == "step":
        sched = optim.lr_scheduler.StepLR(optimizer, 2, args.gamma)
    elif args.sched == "exp":
        sched = optim.lr_scheduler.ExponentialLR(optimizer, args.gamma)
    else:
        sched = None

    for epoch in range(args.epochs):
        model.train()
        for it, (inp, tgt) in enumerate(train_loader):
            optimizer.zero_grad()
            loss = criterion(model(inp), tgt)
            loss.backward()
            optimizer.step()
            if it % args.log_every == 0:
                log.debug("epoch %d it %d loss %.4f", epoch, it, loss.item())
        if sched is not None:
            sched.step()
        # test only at the very end
        if epoch == args.epochs - 1:
            model.eval()
            sq, ab, n = 0.0, 0.0, 0
            with torch.no_grad():
                for inp, tgt in test_loader:
                    err = model(inp) - tgt
                    sq += (err ** 2).sum().item()
                    ab += err.abs().sum().item()
                    n += len(err)
            log.info("final: rmse %.4f mae %.4f", (sq / n) ** 0.5, ab / n)
            torch.save({"args": vars(args), "model": model.state_dict()}, os.path.join(args.output, "final.pt"))


if __name__ == "__main__":
    main()
