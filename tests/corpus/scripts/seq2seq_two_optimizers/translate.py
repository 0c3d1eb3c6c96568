# Reads Roman numbers (MCMXC) and writes them in our digits (1990): a reader and a writer, each with its optimizer.
import random
import time

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

random.seed(46)
torch.manual_seed(46)
device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")

BLANK, BEGIN, STOP = range(3)
ROMAN = dict(M=1000, CM=900, D=500, CD=400, C=100, XC=90, L=50, XL=40, X=10, IX=9, V=5, IV=4, I=1)


def roman(n):
    signs = ""
    for sign, value in ROMAN.items():
        while n >= value:
            signs, n = signs + sign, n - value
    return signs


class Alphabet:
    def __init__(self, signs):
        self.signs = signs
        self.number = {s: i for i, s in enumerate(signs, start=STOP + 1)}

    def __len__(self):
        return STOP + 1 + len(self.signs)

    def codes(self, word):
        return torch.tensor([self.number[s] for s in word] + [STOP])


old, new = Alphabet("MDCLXVI"), Alphabet("0123456789")


class Years(Dataset):
    def __init__(self, years):
        self.years = list(years)

    def __len__(self):
        return len(self.years)

    def __getitem__(self, i):
        return old.codes(roman(self.years[i])), new.codes(str(self.years[i]))


def fill_up(batch):
    olds, news = [], []
    for o, n in batch:
        olds.append(o)
        news.append(n)
    return (pad_sequence(olds, batch_first=True, padding_value=BLANK),
            pad_sequence(news, batch_first=True, padding_value=BLANK))


class Reader(nn.Module):
    def __init__(self, signs, units):
        super().__init__()
        self.look = nn.Embedding(signs, units, padding_idx=BLANK)
        self.both_ways = nn.GRU(units, units // 2, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.05)

    def forward(self, codes):
        notes, ends = self.both_ways(self.drop(self.look(codes)))
        return notes, torch.cat([ends[0], ends[1]], dim=1)


class Writer(nn.Module):
    def __init__(self, units, signs):
        super().__init__()
        self.look = nn.Embedding(signs, units)
        self.point = nn.Bilinear(units, units, 1)
        self.cell = nn.GRUCell(2 * units, units)
        self.say = nn.Linear(2 * units, signs)

    def forward(self, notes, memory, truth, told):
        sign = torch.full_like(truth[:, 0], BEGIN)
        said = []
        for correct in truth.unbind(1):
            wide = memory.unsqueeze(1).expand_as(notes).contiguous()
            share = self.point(wide, notes).softmax(dim=1)
            found = (share * notes).sum(dim=1)
            memory = self.cell(torch.cat([self.look(sign), found], dim=1), memory)
            said.append(self.say(torch.cat([memory, found], dim=1)))
            # either it is told the right sign, or it goes on with its own
            sign = correct if told else said[-1].detach().argmax(dim=1)
        return torch.stack(said, dim=1)


def one_pass(batches, reader, writer, reader_opt, writer_opt, loss_of, tell=0.7):
    total = 0
    for codes, truth in batches:
        codes, truth = codes.to(device), truth.to(device)
        reader_opt.zero_grad()
        writer_opt.zero_grad()
        notes, memory = reader(codes)
        said = writer(notes, memory, truth, random.random() < tell)
        loss = loss_of(said.flatten(0, 1), truth.flatten())
        loss.backward()
        writer_opt.step()
        reader_opt.step()
        total += loss.item()
    return total / len(batches)


def share_right(reader, writer, batches):
    reader.eval()
    writer.eval()
    good = []
    with torch.no_grad():
        for codes, truth in batches:
            said = writer(*reader(codes.to(device)), truth.to(device), False).argmax(-1).cpu()
            good += (said.eq(truth) | truth.eq(BLANK)).all(dim=1).tolist()
    writer.train()
    reader.train()
    return sum(good) / len(good)


def teach(reader, writer, batches, held, passes, rate, every=1):
    began = time.perf_counter()
    loss_of = nn.CrossEntropyLoss(ignore_index=BLANK)
    reader_opt = torch.optim.Adam(reader.parameters(), lr=rate)
    writer_opt = torch.optim.RMSprop(writer.parameters(), lr=rate / 2)
    since = 0.0
    for p in range(1, passes + 1):
        since += one_pass(batches, reader, writer, reader_opt, writer_opt, loss_of)
        if p % every == 0:
            right = share_right(reader, writer, held)
            print(f"pass {p}/{passes}: loss {since / every:.4f}, {right:.1%} of the years are right "
                  f"({time.perf_counter() - began:.1f} s)")
            since = 0.0


units = 32
years = random.sample(range(1, 2100), 900)
batches = DataLoader(Years(years[:750]), 30, shuffle=True, collate_fn=fill_up)
held = DataLoader(Years(years[750:]), 75, collate_fn=fill_up)
reader, writer = Reader(len(old), units).to(device), Writer(units, len(new)).to(device)
teach(reader, writer, batches, held, passes=4, rate=0.006)
