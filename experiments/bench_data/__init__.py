"""How many training samples one worker makes in a second."""
