"""Alphas of the frames of a clip: motion, trimaps carried between key frames, and mattes that hold still."""
