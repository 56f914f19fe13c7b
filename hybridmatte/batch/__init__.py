"""Run one job for every picture of a folder, in one or several processes."""
