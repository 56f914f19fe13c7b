"""Disentangled pre-training at the size of two CPU cores: what it saves and what it gains in fine-tuning."""
