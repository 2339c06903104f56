"""The domain: what a todo is, what can be done to it, and what can be seen of it."""
