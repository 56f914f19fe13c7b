"""How long a mask takes to become a cut-out."""
