"""`python -m cqrs_todo` is `todo`."""

import sys

from .cli import main

sys.exit(main())
