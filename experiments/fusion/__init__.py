"""The networks that correct the best classical solver: made, cross-validated and shipped."""
