"""Trials of the promise that nothing recorded is lost and no damage is silent. `make trials` runs them all."""
