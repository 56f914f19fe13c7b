"""What `refine` makes of small alphas, and how fast."""
