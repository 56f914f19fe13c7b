"""Alphas of clips: how steady, exact and fast they are, against the same frames one by one."""
