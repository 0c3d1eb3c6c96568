import yaml


def read_yaml(fname):
    with open(fname, 'rt') as handle:
        return yaml.safe_load(handle)


class MetricTracker:
    def __init__(self, *keys):
        self._total = {key: 0.0 for key in keys}
        self._counts = {key: 0 for key in keys}

    def reset(self):
        for key in self._total:
            self._total[key] = 0.0
            self._counts[key] = 0

    def update(self, key, value, n=1):
        self._total[key] += value * n
        self._counts[key] += n

    def result(self):
        return {key: self._total[key] / self._counts[key] for key in self._total}
