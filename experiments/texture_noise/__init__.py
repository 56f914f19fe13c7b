"""The texture that DC paints into a known foreground, and DDC does not."""
