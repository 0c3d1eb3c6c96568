import torch


def learn(net, patients, criterion, optimizer):
    net.train()
    sum_, seen = 0.0, 0
    for facts, course in patients:
        loss = criterion(net(facts), course)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sum_ += len(facts) * loss.item()
        seen += len(facts)
    return sum_ / seen


@torch.no_grad()
def assess(net, patients, criterion):
    net.eval()
    sum_, off, seen = 0.0, 0.0, 0
    for facts, course in patients:
        guess = net(facts)
        sum_ += len(facts) * criterion(guess, course).item()
        off += (guess - course).abs().sum().item()
        seen += len(facts)
    return sum_ / seen, off / seen
