"""How long the fused answer takes beside the solvers that it calls."""
