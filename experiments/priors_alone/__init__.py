"""Each matting prior alone as a classical solver, with no network: mean errors on the twelve photographs."""
