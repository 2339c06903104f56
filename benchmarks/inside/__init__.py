"""What is measured within one process: each module runs in the environment of what it measures, and prints JSON."""

OWN_TODOS = 5
"""How many todos each of several writers changes, one after the other."""
