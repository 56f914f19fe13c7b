"""Why edges turn hard under the affinity loss: at a linear edge any slope of alpha satisfies it."""
