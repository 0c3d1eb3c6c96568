import torch

from engine.base import Base
from scoring.tally import Tally


class Trainer(Base):
    def __init__(self, settings, net, steps, blame, marks, device, feed, unseen=None, cooling=None):
        super().__init__(settings, net, steps)
        self.blame, self.marks = blame, marks
        self.device, self.feed, self.unseen, self.cooling = device, feed, unseen, cooling
        self.seen_tally = Tally('cost', *(mark.__name__ for mark in marks))
        self.unseen_tally = Tally('cost', *(mark.__name__ for mark in marks))

    def epoch(self, number):
        self.net.train()
        self.seen_tally.reset()
        for k, (sips, truth) in enumerate(self.feed):
            sips, truth = sips.to(self.device), truth.to(self.device)
            self.steps.zero_grad()
            guess = self.net(sips)
            cost = self.blame(guess, truth)
            cost.backward()
            self.steps.step()

            self.seen_tally.add('cost', cost.item(), len(truth))
            for mark in self.marks:
                self.seen_tally.add(mark.__name__, mark(guess, truth), len(truth))
            if k % 5 == 0:
                print(f'  {number}/{k}', round(cost.item(), 4))
        told = self.seen_tally.means()

        if self.unseen is not None:
            judged = self.judge()
            told.update({f'unseen/{name}': mean for name, mean in judged.items()})
        if self.cooling is not None:
            self.cooling.step()
        return told

    def judge(self):
        self.net.eval()
        self.unseen_tally.reset()
        with torch.no_grad():
            for sips, truth in self.unseen:
                sips, truth = sips.to(self.device), truth.to(self.device)
                guess = self.net(sips)
                cost = self.blame(guess, truth)
                self.unseen_tally.add('cost', cost.item(), len(truth))
                for mark in self.marks:
                    self.unseen_tally.add(mark.__name__, mark(guess, truth), len(truth))
        return self.unseen_tally.means()
