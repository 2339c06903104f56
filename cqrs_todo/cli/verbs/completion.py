"""`todo completion`: completion for a shell."""

import os
import shlex

from ...cqrs.stores.jsonl.files import make_directory
from ..errors import UsageError
from ..output import print_line, print_message
from ..session import Session
from ..text import printable
from ..verb import LISTS, Argument, Option, Verb

_BASH = r"""_todo() {
    mapfile -t COMPREPLY < <(command todo __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    case ${#COMPREPLY[@]}${COMPREPLY[0]} in 1*[:/]) compopt -o nospace ;; esac
}
complete -o nosort -F _todo todo"""

_ZSH = r"""_todo() {
    local line
    local -a words_before values shown open shown_open
    words_before=("${(@Q)words[2,CURRENT-1]}")
    for line in "${(@f)$(command todo __complete zsh "${words_before[@]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        case ${line%%$'\t'*} in
            '') ;;
            *[:/]) open+=("${line%%$'\t'*}"); shown_open+=("${line/$'\t'/  }") ;;
            *) values+=("${line%%$'\t'*}"); shown+=("${line/$'\t'/  }") ;;
        esac
    done
    (( $#values )) && compadd -l -d shown -a values
    (( $#open )) && compadd -S '' -l -d shown_open -a open
    (( $#values + $#open ))
}
compdef _todo todo"""

_FISH = r"""function __todo_complete
    set -l before (commandline -opc)
    set -e before[1]
    set -l current (commandline -ct)
    command todo __complete fish $before "$current" 2>/dev/null
end
complete -c todo -f -k -a '(__todo_complete)'"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion(session: Session, shell: str, install: bool) -> None:
    """Print a completion script for a shell, or make every new shell use it."""
    session.refuse_at("completion takes no --at")
    if shell not in SCRIPTS:
        raise UsageError(f"there is no completion for {shell!r}", f"there is for {', '.join(SCRIPTS)}")
    script = SCRIPTS[shell]
    if install:
        path, is_new = _install(shell, script)
        what = "Installed in" if is_new else "Already installed in"
        print_message(session, f"{what} {printable(path)}. Start a new shell to use it.")
    elif session.options.json:
        from .. import document

        print_line(document.encode({"shell": shell, "script": script}))
    else:
        print_line(script)


def _install(shell: str, script: str) -> tuple[str, bool]:
    """Let every new shell use the script. Return the file that says so, and whether it was changed."""
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    if shell == "fish":
        path, text, mode = os.path.join(config, "fish/completions/todo.fish"), f"{script}\n", "w"
    else:
        folder = (shell == "zsh" and os.environ.get("ZDOTDIR")) or home
        begin = "autoload -Uz compinit && compinit; " if shell == "zsh" else ""
        line = f'{begin}eval "$(todo completion {shlex.quote(shell)})"'
        path, text, mode = os.path.join(folder, f".{shell}rc"), f"\n# completion for todo\n{line}\n", "a"
    try:
        make_directory(os.path.dirname(path))
        try:
            with open(path) as file:
                if text.strip() in file.read():
                    return path, False
        except FileNotFoundError:
            pass
        with open(path, mode, opener=lambda path, flags: os.open(path, flags, 0o600)) as file:  # no other user may add to it
            file.write(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        hint = f"see the script: todo completion {shell}"
        raise UsageError(f"{printable(path)} cannot be changed: {reason}", hint) from error
    return path, True


VERB = Verb(
    name="completion",
    help="Print a completion script for a shell. It completes verbs, options, todos, tags, projects, lists and times.",
    examples=("todo completion bash --install", 'eval "$(todo completion zsh)"'),
    action=completion,
    group=LISTS,
    scope="nothing",
    arguments=(Argument("shell", "|".join(SCRIPTS), "The shell."),),
    options=(Option("install", ("--install",), "Make every new shell use it, by a line in its configuration."),),
)
