"""Time and memory of the losses over similar pairs, against the unfolded form."""
