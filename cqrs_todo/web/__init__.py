"""`todo serve`: lists over GraphQL. It needs the extra `web`, and is imported only by that verb."""
