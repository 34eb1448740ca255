"""Whether somebody looks at the screen, as far as there is a sign of it."""


class Looking:
    """Nobody does at first."""

    def __init__(self) -> None:
        self.focused = False
        """By the last sign: what the terminal said, or a key."""
        self.told = False
        """The terminal said once that nobody looks, so it will say it again; else `focused` is but old."""

    def sign(self, focused: bool) -> None:
        """The terminal says so, or a key was pressed, which is True."""
        self.focused = focused
        self.told = self.told or not focused
