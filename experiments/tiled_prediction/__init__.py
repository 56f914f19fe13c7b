"""What `predict_alpha` holds in memory on images of up to 24 megapixels, whole and in tiles."""
