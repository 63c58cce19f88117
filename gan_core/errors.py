"""What a user can do wrong, said so that they can mend it.

Everything raised on purpose for a user's mistake is an `AtelierError`: the page shows it as a
message, the command line prints it and exits with 2. Any other exception is our own bug.
"""


class AtelierError(Exception):
    """A mistake that the user can mend: what happened, what was expected, what to do.

    what: what happened, with the actual numbers.
    expected: what would have been right.
    advice: the next step for the user.
    """

    def __init__(self, what: str, expected: str, advice: str) -> None:
        self.what, self.expected, self.advice = what, expected, advice
        super().__init__(f"{what} {expected} {advice}")

    def __reduce__(self) -> tuple[type["AtelierError"], tuple[str, str, str]]:
        return type(self), (self.what, self.expected, self.advice)


class BadPicture(AtelierError):
    """One file that cannot become a picture."""


class BadDataset(AtelierError):
    """A folder, list or archive from which no training set can be made."""


class BadWeights(AtelierError):
    """A weight file that is damaged, foreign, or made for another network."""


class HubUnreachable(AtelierError):
    """The Hugging Face Hub, or a file on it, cannot be reached."""


class HubRefused(AtelierError):
    """The Hugging Face Hub does not take what was to be published there."""


class AlreadyThere(HubRefused):
    """What was published there before is not replaced unasked; asked to, it can be."""


class BadSetting(AtelierError):
    """A setting outside its bounds, or two that do not go together."""


class BadRun(AtelierError):
    """A training run that does not exist, or cannot be continued."""


class DiskFull(AtelierError):
    """There is no room, or no right, to write a file."""
