"""Facts that the core raises. Each dialect's own errors module gives them a status and words."""


class Fact(Exception):
    """Something that the core found to be so, and that a caller has to be told."""


class NotFound(Fact):
    """`what` (say, "audience") with the id `id` is not in this world."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is not in this world")
        self.what = what
        self.id = id


class NotInAccount(Fact):
    """A definition names a `what` (say, "customer list") by the `id`, and its ad account has none."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is not in the ad account")
        self.what = what
        self.id = id


class NotNow(Fact):
    """What is asked for does not go with the state that something is in; the text says why."""


class BadSeed(Fact):
    """A seed that cannot be read or does not hold what a seed holds; the text names file and field."""


class BadDatabase(Fact):
    """A database URL or file that cannot be used; the text says why and what to do."""
