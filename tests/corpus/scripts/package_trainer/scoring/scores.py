def hit(guess, truth):
    return guess.argmax(1).eq(truth).float().mean().item()


def runner_up(guess, truth):
    # how often the second choice would have been right
    second = guess.argsort(1)[:, -2]
    return second.eq(truth).float().mean().item()
