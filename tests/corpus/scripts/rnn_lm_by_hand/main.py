# Guess the next word of a novel. No optimizer: the update is one line, and we cut the rate ourselves.
import argparse
import re
import sys
import time
from collections import Counter

import torch
import torch.nn.functional as F

import model as zoo

ap = argparse.ArgumentParser()
ap.add_argument('--data', required=True, help='the novel, as plain text')
ap.add_argument('--cell', default='lstm', choices=['plain', 'gru', 'lstm'])
ap.add_argument('--width', type=int, default=40)
ap.add_argument('--layers', type=int, default=2)
ap.add_argument('--drop', type=float, default=0.15)
ap.add_argument('--share', action='store_true', help='one table for reading and for scoring')
ap.add_argument('--rate', type=float, default=6.0)
ap.add_argument('--max-norm', type=float, default=0.3)
ap.add_argument('--columns', type=int, default=20, help='places of the novel that are read at once')
ap.add_argument('--span', type=int, default=14, help='words that gradients reach back')
ap.add_argument('--epochs', type=int, default=30)
ap.add_argument('--rare', type=int, default=1, help='words seen no more often than this become one word')
ap.add_argument('--every', type=int, default=12)
ap.add_argument('--seed', type=int, default=58)
ap.add_argument('--out', default='guesser.pt')
a = ap.parse_args()

torch.manual_seed(a.seed)
device = 'cuda' if torch.cuda.is_available() else 'cpu'

# ---- the novel as numbers; 0 is every rare word ----
tokens = re.findall(r"[a-z']+", open(a.data, encoding='utf-8').read().lower())
often = [w for w, n in Counter(tokens).most_common() if n > a.rare]
number = {w: k for k, w in enumerate(often, 1)}
text = torch.tensor([number.get(w, 0) for w in tokens])
held = len(text) // 8


def in_columns(stretch, columns):
    rows = len(stretch) // columns
    return stretch[:rows * columns].reshape(columns, rows).T.to(device)


VALID_COLUMNS = 5
reading = in_columns(text[:-held], a.columns)
testing = in_columns(text[-held:], VALID_COLUMNS)

# ---- the net ----
net = zoo.WordGuesser(a.cell, len(often) + 1, a.width, a.layers, a.drop, a.share).to(device)
print(sum(p.numel() for p in net.parameters()), 'weights,', len(text), 'words', file=sys.stderr)


def forget_past(state):
    if torch.is_tensor(state):
        return state.detach()
    return tuple(map(forget_past, state))


def window(rows, at):
    end = min(at + a.span, len(rows) - 1)
    return rows[at:end], rows[at + 1:end + 1]


def surprise(scores, following):
    return F.cross_entropy(scores.flatten(0, 1), following.flatten())


def read_once():
    net.train()
    state = net.empty_state(a.columns)
    recent, since = 0.0, time.time()
    for k, at in enumerate(range(0, len(reading) - 1, a.span), 1):
        words, following = window(reading, at)
        state = forget_past(state)
        net.zero_grad()
        scores, state = net(words, state)
        loss = surprise(scores, following)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), a.max_norm)
        for weight in net.parameters():
            weight.data.add_(weight.grad, alpha=-rate)

        recent += loss.item()
        if k % a.every == 0:
            took = (time.time() - since) / a.every
            print(f'{turn}.{k:03d}  {recent / a.every:.3f} nats/word  rate {rate:.3g}  {1e3 * took:.0f} ms each')
            recent, since = 0.0, time.time()


def hold_out():
    net.eval()
    state, total = net.empty_state(VALID_COLUMNS), 0.0
    with torch.no_grad():
        for at in range(0, len(testing) - 1, a.span):
            words, following = window(testing, at)
            scores, state = net(words, state)
            state = forget_past(state)
            total += surprise(scores, following).item() * len(words)
    return total / (len(testing) - 1)


rate = a.rate
lowest = None
try:
    for turn in range(1, a.epochs + 1):
        began = time.time()
        read_once()
        nats = hold_out()
        print(f'== turn {turn}: held out {nats:.3f} nats/word, perplexity {2.718281828 ** nats:.1f},'
              f' {time.time() - began:.1f} s')
        if lowest is None or nats < lowest:
            lowest = nats
            torch.save(net.state_dict(), a.out)
        else:
            rate *= 0.4
except KeyboardInterrupt:
    print('stopped by hand; the best so far is in', a.out)
