"""The default method: information flow, corrected per pixel by a small network."""
