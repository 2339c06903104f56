"""The benchmarks: what is measured, and how to run it, stands in README.md."""
