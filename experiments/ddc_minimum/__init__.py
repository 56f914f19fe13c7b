"""What a pair costs under DC, DDC and the hinge, and where the minimisers lie."""
