"""For tests of a domain or a store: stories, the store contract, and strategies for Hypothesis, a module each.

`stories` needs nothing, `contract` pytest, `strategies` Hypothesis. Nothing else imports them.
"""
