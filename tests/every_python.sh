#!/bin/sh
# Run the suite once on each CPython from 3.11 on that can be found, each in an environment of its own.
set -eu
seen=
for python in "$PYTHON" $(for minor in 11 12 13 14 15 16; do echo "python3.$minor"; done) "$HOME"/.pyenv/versions/3.*/bin/python; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2] if sys.version_info >= (3, 11) else "")' 2>/dev/null) || continue
    case " $seen " in *" $version "*) continue ;; esac
    [ -n "$version" ] || continue
    seen="$seen $version"
    echo "== CPython $version ($python)"
    make --no-print-directory test PYTHON="$python" VENV=".venv-$version" OPTIONS=--own-interpreters
done
echo "== passed on CPython$seen"
