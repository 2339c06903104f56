"""`todo replay` on a terminal: a player with keys to step, to jump, to change the speed and the direction, and to quit."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.text import Text

from ..cqrs.errors import CqrsError
from .errors import UsageError
from .frames import frame, line, time_bar
from .keyboard import HANGUP, SUSPEND, Keyboard, keyboard, suspend
from .playing import Film
from .session import Session
from .signals import raised
from .text import visible

LONGEST_PAUSE = 1.0
"""The longest time that a frame is shown, in seconds, however long nothing happened. The speed divides it."""
SHORTEST_PAUSE = 0.2
"""The shortest time that a frame is shown, in seconds, so that it can be seen. The speed divides it."""
SLOWEST, FASTEST = 1 / 64, 1_000_000.0
"""The limits of the speed."""

_LOOK_EVERY = 0.25
"""How often to look whether the size of the window has changed, in seconds."""
_KEYS = ("q quit", "space pause", "left/right step", "j jump", "home/end", "+/- speed", "r reverse")
_PROMPT = "Jump to: "
_TWO_LINES = 16
"""From how many lines on the keys and the time bar have lines of their own."""


def play(session: Session, film: Film, speed: float, *, step: bool) -> None:
    """Play commits on the terminal until they end or the person quits. The last frame stays on the screen.

    Args:
        session: This run of the program.
        film: The commits.
        speed: How many times as fast as it happened.
        step: Whether to begin with a pause.
    """
    console = Console(markup=False, emoji=False, highlight=False, no_color=session.color == "never")
    player = Player(film, speed, paused=step)
    if console.is_dumb_terminal:  # it can neither clear its screen nor move its cursor
        console.print(player.frame(console))
        while player.advance():
            console.print(player.frame(console))
        return
    try:
        with raised(signal.SIGTERM, signal.SIGHUP), keyboard() as keys:
            _run(player, console, keys)
    except KeyboardInterrupt:
        console.print(player.frame(console))
        raise
    console.print(player.frame(console))


def _run(player: "Player", console: Console, keys: Keyboard) -> None:
    """Show the frames of a player on a screen of their own, until it ends."""
    running = True
    while running:
        with _screen(console) as live:
            running = _show(player, live, keys)
        if running:
            keys.close()
            suspend()
            keys.open()


def _show(player: "Player", live: Live, keys: Keyboard) -> bool:
    """Show frames until the player ends, or until the process is to be suspended; then return True."""
    while True:
        size = live.console.size
        live.update(player.frame(live.console, with_footer=True), refresh=True)
        key = _wait(player, live.console, size, keys)
        if key == SUSPEND:
            return True
        if key == HANGUP or not (player.advance() if key is None else player.press(key)):
            return False


def _wait(player: "Player", console: Console, drawn: ConsoleDimensions, keys: Keyboard) -> str | None:
    """Wait until a key is pressed, and return it.

    Returns:
        The key; '' if the terminal no longer has the size for which the frame was drawn; None when it is time for the next
        frame.
    """
    until = time.monotonic() + player.pause()
    if not keys.exists:  # nobody could continue
        player.paused = False
    while True:
        left = until - time.monotonic() if player.playing else _LOOK_EVERY
        if left <= 0:
            return None
        key = keys.read(min(left, _LOOK_EVERY))
        if key is not None:
            return key
        if console.size != drawn:
            return ""


@contextmanager
def _screen(console: Console) -> Iterator[Live]:
    """Use a screen of its own while the block runs. No signal comes in the middle of changing it, or changing it back."""
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    live = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        live.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        yield live
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        with suppress(OSError):  # the terminal is gone
            live.stop()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


class Player:
    """What is shown, and what each key does to it.

    Attributes:
        paused: Whether it waits for a key.
    """

    def __init__(self, film: Film, speed: float, *, paused: bool) -> None:
        """Begin with the first frame.

        Args:
            film: The commits.
            speed: How many times as fast as it happened.
            paused: Whether to wait for a key.
        """
        self.paused = paused
        self._film = film
        self._speed = speed
        self._backward = film.backward
        self._message = ""
        self._typed: str | None = None

    @property
    def playing(self) -> bool:
        """Whether the next frame comes without a key."""
        return not self.paused and self._typed is None

    def pause(self) -> float:
        """Return how long to show the commit before the next one, in seconds."""
        following = self._film.previous if self._backward else self._film.next
        if following is None:
            return LONGEST_PAUSE / self._speed
        gap = abs((following.metadata.at - self._film.commit.metadata.at).total_seconds())
        return min(max(gap, SHORTEST_PAUSE), LONGEST_PAUSE) / self._speed

    def advance(self) -> bool:
        """Move to the next frame in the direction of playing. Returns False if there is none."""
        return self._film.back() if self._backward else self._film.forward()

    def frame(self, console: Console, *, with_footer: bool = False) -> Group:
        """Draw the commit as large as the terminal is, with the keys if that is asked for."""
        width, height = console.size
        footer = self._footer(width, height) if with_footer else []
        if footer and height >= _TWO_LINES:
            footer.insert(0, time_bar(self._film.start, self._film.commit.metadata.at, self._film.end, width))
        return frame(self._film, height - (not with_footer), footer)

    def press(self, key: str) -> bool:
        """Do what a key means. Returns False if the player ends."""
        self._message = ""
        if self._typed is not None:
            self._edit(self._typed, key)
            return True
        match key:
            case "q" | "\x04":
                return False
            case " ":
                self.paused = not self.paused
            case "right" | "l":
                self._step(self._film.forward(), "This is the last change.")
            case "left" | "h":
                self._step(self._film.back(), "This is the first change.")
            case "n" | "enter":
                return self.advance()
            case "home":
                self.paused = True
                self._film.to_first()
            case "end":
                self.paused = True
                self._film.to_last()
            case "j" | ":":
                self._typed = ""
            case "@":
                self._typed = "@"
            case "+" | "=" | "up":
                self._speed = min(self._speed * 2, FASTEST)
            case "-" | "down":
                self._speed = max(self._speed / 2, SLOWEST)
            case "r":
                self._backward = not self._backward
        return True

    def _step(self, moved: bool, otherwise: str) -> None:
        self.paused = True
        if not moved:
            self._message = otherwise

    def _edit(self, typed: str, key: str) -> None:
        """Change the moment that is typed, or jump to it."""
        if key == "enter":
            self._typed = None
            self._jump(typed.strip())
        elif key in ("escape", "\x04"):
            self._typed = None
        elif key == "backspace":
            self._typed = typed[:-1] if typed else None
        elif key == "\x15":  # Ctrl-U
            self._typed = ""
        elif len(key) == 1 and key.isprintable():
            self._typed = typed + key

    def _jump(self, text: str) -> None:
        """Show the last commit up to a moment."""
        if not text:
            return
        self.paused = True
        try:
            self._film.to_moment(text)
        except (UsageError, CqrsError) as error:
            self._message = visible(str(error))
            return
        if self._film.previous is None:
            self._message = "This is the first change."
        elif self._film.next is None:
            self._message = "This is the last change."

    def _footer(self, width: int, height: int) -> list[Text]:
        if self._typed is not None:
            shown = self._typed[-max(width - len(_PROMPT) - 1, 1) :]  # what was typed last is never cut off
            prompt = line((_PROMPT, "bold"), (shown, ""), ("_", "blink"))
            return [prompt] if height < _TWO_LINES else [prompt, line(("enter jump  esc stay here", "dim"))]
        state = "paused" if self.paused else "playing"
        status = f"{state}{' backward' if self._backward else ''} x{self._speed:g}"
        if height < _TWO_LINES:
            return [line((f"{status}  ", "bold"), (self._message or _keys_within(width - len(status) - 2), "dim"))]
        return [line((status, "bold"), (f"  {self._message}", "")), line((_keys_within(width), "dim"))]


def _keys_within(width: int) -> str:
    """Return as many keys as there is room for, the most important ones first."""
    shown = ""
    for each in _KEYS:
        longer = f"{shown}  {each}" if shown else each
        if len(longer) > width:
            break
        shown = longer
    return shown
