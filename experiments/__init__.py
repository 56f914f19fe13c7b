"""One folder for each paper table, figure or benchmark: a command, its README, the recorded result."""
