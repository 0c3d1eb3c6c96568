"""Says of each word in a cooking recipe what it is. The table of words has a rate of its own."""
import argparse
import logging
from random import Random

import torch
from torch import nn
from torch.nn.utils import rnn
from torch.utils.data import DataLoader, Dataset

log = logging.getLogger("recipes")

KINDS = {
    "amount": "1 2 3 4 5 half quarter some 100 250 500".split(),
    "measure": "g kg ml spoon cup pinch".split(),
    "thing": "flour sugar milk eggs butter salt rice onions pepper cream".split(),
    "verb": "stir add bake boil fold chop whisk".split(),
    "link": "and then with into".split(),
}
NAMES = list(KINDS)
HOLE, NEW = 0, 1  # no word, a word that is not in the table
TABLE = {word: row for row, word in enumerate((w for words in KINDS.values() for w in words), start=2)}
NOTHING = -1


class Recipes(Dataset):
    def __init__(self, count, luck):
        self.recipes = []
        while len(self.recipes) < count:
            # some steps of a recipe leave something out
            steps = ("verb", "amount", "measure", "thing", "link") * luck.randint(2, 4)
            kinds = [kind for kind in steps if luck.random() < 0.85]
            rows = [TABLE[luck.choice(KINDS[kind])] if luck.random() < 0.9 else NEW for kind in kinds]
            if rows:
                self.recipes.append((torch.tensor(rows), torch.tensor([NAMES.index(kind) for kind in kinds])))

    def __len__(self):
        return len(self.recipes)

    def __getitem__(self, n):
        return self.recipes[n]


def longest_first(recipes):
    recipes.sort(key=lambda recipe: -len(recipe[0]))
    long = torch.tensor([len(rows) for rows, _ in recipes])
    rows = rnn.pad_sequence([rows for rows, _ in recipes], True, HOLE)
    kinds = rnn.pad_sequence([kinds for _, kinds in recipes], True, NOTHING)
    return rows, kinds, long


class Namer(nn.Module):
    def __init__(self, size, units):
        super().__init__()
        self.table = nn.Embedding(len(TABLE) + 2, size, padding_idx=HOLE)
        self.read = nn.LSTM(size, units, batch_first=True, bidirectional=True)
        self.name = nn.Sequential(nn.Dropout(0.15), nn.Linear(2 * units, len(NAMES)))

    def forward(self, rows, long):
        words = rnn.pack_padded_sequence(self.table(rows), long, batch_first=True)
        read, _ = self.read(words)
        return self.name(rnn.pad_packed_sequence(read, batch_first=True)[0])


def cost(scores, kinds):
    return nn.functional.cross_entropy(scores.flatten(0, 1), kinds.flatten(), ignore_index=NOTHING)


@torch.no_grad()
def proofread(namer, recipes):
    namer.eval()
    total, good, words = 0.0, 0, 0
    for rows, kinds, long in recipes:
        scores = namer(rows, long)
        here = int(long.sum())
        total += cost(scores, kinds).item() * here
        good += int((scores.argmax(2) == kinds).sum())
        words += here
    return total / words, good / words


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rate", type=float, default=6e-3)
    p.add_argument("--table-rate", type=float, default=2e-3, help="for the table of words")
    p.add_argument("--at-most", type=float, default=0.4, help="length of the gradient of both groups")
    p.add_argument("--passes", type=int, default=3)
    p.add_argument("--rows", type=int, default=20, help="recipes in a batch")
    p.add_argument("--method", choices=["rmsprop", "adam", "momentum"], default="adam")
    a = p.parse_args()
    logging.basicConfig(level=logging.INFO, format="[%(name)s] %(message)s")

    luck = Random(63)
    torch.manual_seed(63)
    recipes = DataLoader(Recipes(300, luck), a.rows, shuffle=True, collate_fn=longest_first)
    held = DataLoader(Recipes(90, luck), 45, collate_fn=longest_first)
    namer = Namer(size=14, units=20)

    others = [*namer.read.parameters(), *namer.name.parameters()]
    groups = [{"params": others}, {"params": namer.table.parameters(), "lr": a.table_rate}]
    if a.method == "rmsprop":
        opt = torch.optim.RMSprop(groups, lr=a.rate)
    elif a.method == "momentum":
        opt = torch.optim.SGD(groups, lr=a.rate, momentum=0.95)
    else:
        opt = torch.optim.Adam(groups, lr=a.rate)

    for number in range(a.passes):
        namer.train()
        for rows, kinds, long in recipes:
            opt.zero_grad()
            loss = cost(namer(rows, long), kinds)
            loss.backward()
            length = nn.utils.clip_grad_norm_(namer.parameters(), a.at_most)
            opt.step()
        log.info("pass %d ended with loss %.4f, the gradient was %.3f long", number, loss.item(), length)
        held_loss, share = proofread(namer, held)
        log.info("    held recipes: loss %.4f, %.3f of the words named well", held_loss, share)


if __name__ == "__main__":
    main()
