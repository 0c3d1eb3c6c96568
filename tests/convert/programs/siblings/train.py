import argparse

import torch

from data import patients
from engine import assess, learn
from model import patient_net


def options():
    said = argparse.ArgumentParser(description="how diabetes goes on in the year that follows")
    said.add_argument("--bs", type=int, default=36)
    said.add_argument("--hidden", type=int, default=28, help="units behind the facts of a patient")
    said.add_argument("--lr", type=float, default=0.02, help="how far a step goes")
    said.add_argument("--momentum", type=float, default=0.8)
    said.add_argument("--epochs", type=int, default=6)
    said.add_argument("--keep-in", default="course.pth")
    return said.parse_args()


if __name__ == "__main__":
    chosen = options()
    net = patient_net(chosen.hidden)
    ours, others = patients(chosen.bs)
    criterion = torch.nn.SmoothL1Loss(beta=0.5)
    optimizer = torch.optim.SGD(net.parameters(), chosen.lr, momentum=chosen.momentum, nesterov=True)
    least = float("inf")
    for epoch in range(chosen.epochs):
        learnt = learn(net, ours, criterion, optimizer)
        val_loss, mae = assess(net, others, criterion)
        print("%d: ours %.4f  val loss %.4f  mae %.3f" % (epoch, learnt, val_loss, mae))
        if val_loss < least:
            least = val_loss
            torch.save({"epoch": epoch, "net": net.state_dict()}, chosen.keep_in)
