"""Run one job per picture over folders, in one or several processes."""
