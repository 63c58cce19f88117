"""When something is due between the steps of a run, and what it may cost."""


class Due:
    """Says when `every` seconds have passed since it last said so; never, if `every` is None.

    share: of all time that it may cost, by what it took (`took`) so far and the last time, with
    the one at the end, which is always made, counted in.
    """

    def __init__(self, every: float | None, now: float, share: float = 1.0) -> None:
        self.every, self.share, self.began, self.last = every, share, now, now
        self.spent = self.cost = 0.0

    def __call__(self, now: float) -> bool:
        if self.every is None or now - self.last < self.every:
            return False
        if self.spent + 2 * self.cost > self.share * (now - self.began):
            return False
        self.last = now
        return True

    def expect(self, cost: float, spent: float) -> None:
        self.cost, self.spent = cost, spent

    def took(self, seconds: float) -> None:
        self.spent, self.cost = self.spent + seconds, seconds
