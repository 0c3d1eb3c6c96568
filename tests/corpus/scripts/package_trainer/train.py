import argparse

import numpy as np
import torch
import yaml

from engine import Trainer
from feeds.wine import WineFeed
from nets import tasters
from scoring import costs, scores


def attempt(settings):
    np.random.seed(settings['luck'])
    torch.manual_seed(settings['luck'])

    feed = WineFeed(**settings['feed'])
    net = getattr(tasters, settings['net']['kind'])(**settings['net']['with'])
    device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
    net.to(device)
    print(net, sum(w.numel() for w in net.parameters()))

    free = [w for w in net.parameters() if w.requires_grad]
    steps = getattr(torch.optim, settings['steps']['kind'])(free, **settings['steps']['with'])
    cooling = torch.optim.lr_scheduler.CosineAnnealingLR(steps, **settings['cooling'])

    blame = getattr(costs, settings['cost'])
    marks = [getattr(scores, name) for name in settings['scores']]

    Trainer(
        settings, net, steps, blame, marks,
        device=device,
        feed=feed,
        unseen=feed.held_back(),
        cooling=cooling,
    ).run()


if __name__ == '__main__':
    cli = argparse.ArgumentParser(usage='python train.py [-s FILE]')
    cli.add_argument('-s', '--settings', default='settings.yaml', metavar='FILE')
    with open(cli.parse_args().settings) as text:
        attempt(yaml.safe_load(text))
