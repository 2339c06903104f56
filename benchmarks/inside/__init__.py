"""What is measured within one process: each module runs in the environment of what it measures, and prints JSON."""
