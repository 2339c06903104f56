"""`todo serve`: the lists as a page and over GraphQL. It needs the extra `web`, and is imported only by that verb."""
