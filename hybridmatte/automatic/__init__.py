"""Alpha from a rough mask, from the image alone, or from a smaller alpha."""
