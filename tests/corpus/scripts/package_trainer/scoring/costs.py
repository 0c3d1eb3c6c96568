from torch.nn.functional import cross_entropy


def plain(guess, truth):
    return cross_entropy(guess, truth)


def smoothed(guess, truth):
    return cross_entropy(guess, truth, label_smoothing=0.08)
