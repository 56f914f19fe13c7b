"""Why hair stops growing under the affinity loss: the kernel of the window's mean, and growth by descent."""
