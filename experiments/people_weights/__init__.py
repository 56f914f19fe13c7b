"""The network for people that the package brings."""
