"""The one path from checked inputs to alpha."""

from hybridmatte.solver._threads import threads_for
from hybridmatte.solver.system import check_problem, check_stopping, finish_alpha


def solve_with(build, finish, image, trimap, prior, confidence, rtol, maxiter, **parameter):
    """Check the inputs, build the system of the unknown pixels, and let `finish` solve it."""
    problem = check_problem(image, trimap, prior, confidence)
    rtol, maxiter = check_stopping(rtol, maxiter)
    if not problem.is_unknown.any():
        return finish_alpha(problem, problem.known_alpha)
    with threads_for(problem.is_unknown.sum()):
        system = build(problem.image, problem.is_unknown, problem.known_alpha, **parameter)
        return finish(problem, system, rtol=rtol, maxiter=maxiter, method=build.__name__.removesuffix("_system"))
