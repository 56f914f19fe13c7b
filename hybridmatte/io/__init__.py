"""Pictures and files: read and write, atomically."""
