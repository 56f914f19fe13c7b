"""Which pixels are alike: top-K of a window, and nearest neighbours in feature space."""
