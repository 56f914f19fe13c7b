"""Which pixels are similar: the top-K of a window, nearest neighbours in feature space, and known regions expanded."""
