#!/bin/sh
# The main job, played in a temporary home: every line after a $ is a command that runs as shown.
set -eu
HOME=$(mktemp -d)
export HOME
unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME TODO_LIST TODO_STORE EDITOR VISUAL || true
trap 'rm -rf "$HOME"' EXIT

play() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

play 'todo add "Buy milk" +home due:tomorrow pri:H'
play 'todo add Call the bank -d "friday 17:00"'
play 'printf "Water the plants\nWrite to Jo\n" | todo add -'
play 'todo list'
play 'todo done 1,4'
play 'todo edit 2 Call the bank about the card'
play 'todo history'
sleep 1
play 'todo at @4'
play 'todo at "1 second ago" ls --all'
play 'todo undo'
play 'todo ls --all'
play 'todo redo'
play 'todo show 2'
play 'todo where'
