"""The steps of a repair, in words."""


class Steps:
    """Steps in words. What happened to several lines is one step."""

    def __init__(self) -> None:
        """Begin without steps."""
        self._by_message: dict[str, list[int]] = {}

    def add_for_log(self, message: str) -> None:
        """Add a step that is about the log as a whole."""
        self._by_message.setdefault(message, [])

    def add(self, line: int, message: str) -> None:
        """Add a step that is about a line."""
        self._by_message.setdefault(message, []).append(line)

    def in_words(self) -> tuple[str, ...]:
        """Return the steps."""
        return tuple(
            f"{_lines(sorted(set(lines)))}: {message}" if lines else message for message, lines in self._by_message.items()
        )


def _lines(numbers: list[int]) -> str:
    """Return the numbers of lines in words: 'line 2', 'lines 2 to 5 and 9'."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(first) if first == last else f"{first} to {last}" for first, last in runs]
    several = ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]
    return f"line {several}" if len(numbers) == 1 else f"lines {several}"


def span(first: int, last: int) -> str:
    """Return positions in words: '@2', '@2 to @5'."""
    return f"@{first}" if first == last else f"@{first} to @{last}"
