"""The one path from checked inputs to alpha."""

from hybridmatte.linalg.threads import threads_for
from hybridmatte.systems.problem import check_problem, check_stopping, finish_alpha


def solve_with(run, image, trimap, prior, confidence, rtol, maxiter):
    """Check the inputs and let `run(problem, rtol=..., maxiter=...)` find alpha, if a pixel is unknown."""
    problem = check_problem(image, trimap, prior, confidence)
    rtol, maxiter = check_stopping(rtol, maxiter)
    if not problem.is_unknown.any():
        return finish_alpha(problem, problem.known_alpha)
    with threads_for(problem.is_unknown.sum()):
        return run(problem, rtol=rtol, maxiter=maxiter)


def method_name(build):
    """Return the name of the method whose system `build` assembles."""
    return build.__name__.removesuffix("_system")
