import abc
import math
import pathlib

import torch


class Base(abc.ABC):
    """What does not depend on the kind of learning: the plan, the files, when to give up."""

    def __init__(self, settings, net, steps):
        self.settings, self.net, self.steps = settings, net, steps
        plan = settings['plan']
        self.epochs = plan['epochs']
        self.keep_each = plan['keep_each']
        self.watched, self.patience = None, plan.get('patience', math.inf)
        if plan.get('watch'):
            way, self.watched = plan['watch'].split()
            self.sign = {'lower': 1, 'higher': -1}[way]
        self.lowest = math.inf
        self.folder = pathlib.Path(settings['out'], settings['title'])
        self.folder.mkdir(parents=True, exist_ok=True)

    @abc.abstractmethod
    def epoch(self, number):
        """One pass; gives a dict of what was measured."""

    def run(self):
        in_vain = 0
        for number in range(1, self.epochs + 1):
            told = {'epoch': number, **self.epoch(number)}
            for name, value in told.items():
                print(f'  {name:>17} {value:.4g}')

            better = False
            if self.watched is not None:
                now = self.sign * told[self.watched]
                if now < self.lowest:
                    self.lowest, in_vain, better = now, 0, True
                else:
                    in_vain += 1
                if in_vain >= self.patience:
                    print('no gain in', in_vain, 'epochs, giving up')
                    break
            if better or number % self.keep_each == 0:
                self.write(number, 'best' if better else f'epoch{number}')

    def write(self, number, name):
        kept = dict(epoch=number, net=self.net.state_dict(), steps=self.steps.state_dict(), settings=self.settings)
        torch.save(kept, self.folder / f'{name}.ckpt')
