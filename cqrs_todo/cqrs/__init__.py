"""The framework: events, aggregates, commands, logs. No line of it knows about todos."""
