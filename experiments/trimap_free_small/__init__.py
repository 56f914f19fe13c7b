"""Net-T, Net-M, joint inference and their adaptation to photographs, at the size of two CPU cores."""
