# "Translates" English numbers to digits with an encoder, a decoder with attention, and teacher forcing.
import random
import time

import torch
import torch.nn as nn
from torch import optim
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

random.seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

PAD_token = 0
SOS_token = 1
EOS_token = 2
MAX_LENGTH = 6

UNITS = 'one two three four five six seven eight nine'.split()
TEENS = 'ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split()
TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split()


def spell(n):
    if n >= 100:
        return [UNITS[n // 100 - 1], 'hundred'] + (spell(n % 100) if n % 100 else [])
    if n >= 20:
        return [TENS[n // 10 - 2]] + ([UNITS[n % 10 - 1]] if n % 10 else [])
    return [TEENS[n - 10]] if n >= 10 else [UNITS[n - 1]]


class Lang:
    def __init__(self, words):
        self.word2index = {w: i + 3 for i, w in enumerate(words)}
        self.index2word = {i: w for w, i in self.word2index.items()}
        self.n_words = len(words) + 3

    def encode(self, words):
        return torch.tensor([self.word2index[w] for w in words] + [EOS_token])


input_lang = Lang(UNITS + TEENS + TENS + ['hundred'])
output_lang = Lang(list('0123456789'))


class Numbers(Dataset):
    def __init__(self, numbers):
        self.pairs = [(input_lang.encode(spell(n)), output_lang.encode(str(n))) for n in numbers]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, idx):
        return self.pairs[idx]


def collate(pairs):
    src, tgt = zip(*pairs)
    return pad_sequence(src, batch_first=True), pad_sequence(tgt, batch_first=True)


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size, dropout_p=0.1):
        super(EncoderRNN, self).__init__()
        self.embedding = nn.Embedding(input_size, hidden_size, padding_idx=PAD_token)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, input):
        embedded = self.dropout(self.embedding(input))
        return self.gru(embedded)


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super(AttnDecoderRNN, self).__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.gru = nn.GRU(2 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, encoder_outputs, encoder_hidden, target_tensor, teacher_forcing):
        batch_size = encoder_outputs.size(0)
        decoder_input = torch.full((batch_size, 1), SOS_token, device=device)
        decoder_hidden = encoder_hidden
        decoder_outputs = []
        for i in range(target_tensor.size(1)):
            embedded = self.embedding(decoder_input)
            scores = (self.Wa(decoder_hidden[-1]).unsqueeze(1) * encoder_outputs).sum(-1)
            context = (scores.softmax(-1).unsqueeze(-1) * encoder_outputs).sum(1, keepdim=True)
            output, decoder_hidden = self.gru(torch.cat([embedded, context], -1), decoder_hidden)
            output = self.out(output)
            decoder_outputs.append(output)
            if teacher_forcing:
                decoder_input = target_tensor[:, i].unsqueeze(1)
            else:
                decoder_input = output.argmax(-1).detach()
        return F.log_softmax(torch.cat(decoder_outputs, dim=1), dim=-1)


def train_epoch(dataloader, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion, ratio=0.7):
    total_loss = 0
    for data in dataloader:
        input_tensor, target_tensor = data

        encoder_optimizer.zero_grad()
        decoder_optimizer.zero_grad()

        encoder_outputs, encoder_hidden = encoder(input_tensor)
        decoder_outputs = decoder(encoder_outputs, encoder_hidden, target_tensor, random.random() < ratio)
        loss = criterion(decoder_outputs.view(-1, decoder_outputs.size(-1)), target_tensor.view(-1))
        loss.backward()

        encoder_optimizer.step()
        decoder_optimizer.step()
        total_loss += loss.item()
    return total_loss / len(dataloader)


def evaluate(encoder, decoder, dataloader):
    encoder.eval()
    decoder.eval()
    right = total = 0
    with torch.no_grad():
        for src, tgt in dataloader:
            out = decoder(*encoder(src), tgt, False).argmax(-1)
            right += ((out == tgt) | (tgt == PAD_token)).all(1).sum().item()
            total += len(src)
    encoder.train()
    decoder.train()
    return right / total


def train(train_dataloader, test_dataloader, encoder, decoder, n_epochs, learning_rate=0.005, print_every=1):
    start = time.time()
    print_loss_total = 0  # Reset every print_every
    encoder_optimizer = optim.Adam(encoder.parameters(), lr=learning_rate)
    decoder_optimizer = optim.Adam(decoder.parameters(), lr=learning_rate)
    criterion = nn.NLLLoss(ignore_index=PAD_token)

    for epoch in range(1, n_epochs + 1):
        loss = train_epoch(train_dataloader, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion)
        print_loss_total += loss
        if epoch % print_every == 0:
            print_loss_avg = print_loss_total / print_every
            print_loss_total = 0
            print('%.1fs (%d %d%%) %.4f' % (time.time() - start, epoch, epoch / n_epochs * 100, print_loss_avg))
            print('whole numbers right: %.3f' % evaluate(encoder, decoder, test_dataloader))


hidden_size = 32
batch_size = 32
numbers = random.sample(range(1, 1000), 999)
train_dataloader = DataLoader(Numbers(numbers[:800]), batch_size=batch_size, shuffle=True, collate_fn=collate)
test_dataloader = DataLoader(Numbers(numbers[800:]), batch_size=100, collate_fn=collate)
encoder = EncoderRNN(input_lang.n_words, hidden_size).to(device)
decoder = AttnDecoderRNN(hidden_size, output_lang.n_words).to(device)

train(train_dataloader, test_dataloader, encoder, decoder, 5)
