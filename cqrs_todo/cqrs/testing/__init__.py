"""Help for tests of a domain or a store: stories, the store contract, and strategies for Hypothesis.

`stories` needs no other package, `contract` needs pytest, and `strategies` needs Hypothesis.
"""
