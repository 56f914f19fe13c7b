"""Weakly semi-supervised matting of people at the size of two CPU cores."""
