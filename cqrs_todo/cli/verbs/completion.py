"""`todo completion`: completion for a shell."""

from ..errors import UsageError
from ..output import print_line
from ..session import Session
from ..verb import LISTS, Argument, Verb

SHELLS = ("bash", "zsh", "fish")


def completion(session: Session, shell: str) -> None:
    """Print a completion script for a shell. It completes verbs, options and list names."""
    # what --show-completion prints, for the shell that is asked for; Typer gives it no public name
    from typer._completion_shared import get_completion_script

    session.refuse_at("completion takes no --at")
    if shell not in SHELLS:
        raise UsageError(f"there is no completion for {shell!r}", f"there is for {', '.join(SHELLS)}")
    script = get_completion_script(prog_name="todo", complete_var="_TODO_COMPLETE", shell=shell)
    if session.options.json:
        from .. import document

        print_line(document.encode({"shell": shell, "script": script}))
    else:
        print_line(script)


VERB = Verb(
    name="completion",
    help="Print a completion script for a shell. It completes verbs, options and list names.",
    examples=('eval "$(todo completion bash)"', "todo completion fish > ~/.config/fish/completions/todo.fish"),
    action=completion,
    group=LISTS,
    arguments=(Argument("shell", "|".join(SHELLS), "The shell."),),
)
