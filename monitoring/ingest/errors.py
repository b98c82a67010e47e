"""What a decoder says of bytes it cannot take. No other exception leaves a decoder."""


class Undecodable(ValueError):
    """Nothing of the body can be taken: one sentence, and the HTTP status to answer."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence, self.status = sentence, status


class Malformed(ValueError):
    """One line, series or object cannot be taken; the others can."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason, self.sentence = reason, sentence
