class Tally:
    def __init__(self, *names):
        self.names = names
        self.reset()

    def reset(self):
        self.sums = dict.fromkeys(self.names, 0.0)
        self.weights = dict.fromkeys(self.names, 0)

    def add(self, name, mean, weight):
        self.sums[name] += mean * weight
        self.weights[name] += weight

    def means(self):
        return {name: self.sums[name] / self.weights[name] for name in self.names}
