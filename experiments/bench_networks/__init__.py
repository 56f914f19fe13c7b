"""How fast the three sizes of the U-Net are."""
