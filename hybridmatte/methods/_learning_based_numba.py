"""Kernel of the learning-based Laplacian: the quadratic form of one window."""

from numba import njit

from hybridmatte.linalg._spd_numba import invert_spd


@njit(cache=True)
def learning_based_window(moments, epsilon, room, out):
    """Write mean and T = S + epsilon S R S, where F = X S X' is ridge regression on (1, colour - mean).

    With M = X'X and S = (M + epsilon R)^-1, (Id - F)'(Id - F) = Id - X T X'. R = Q'Q is the ridge |w|^2 + b^2 on colour
    weights w and offset b of the original, uncentred features (1, colour). Equal to 2 S - S M S, in which no digit is
    left where colours lie on a line. room is (4, 4, 4).
    """
    system, lower, inverse, ridged = room[0], room[1], room[2], room[3]
    system[:] = 0.0
    system[0, 0] = 9.0 + epsilon
    k = 3
    for i in range(3):
        for j in range(i, 3):
            system[1 + i, 1 + j] = 9.0 * moments[k] + epsilon * moments[i] * moments[j]
            system[1 + j, 1 + i] = system[1 + i, 1 + j]
            k += 1
        system[1 + i, 1 + i] += epsilon
        system[0, 1 + i] = -epsilon * moments[i]
        system[1 + i, 0] = system[0, 1 + i]
    invert_spd(system, lower, inverse)
    for j in range(4):  # Q S
        ridged[0, j] = inverse[0, j]
        for i in range(1, 4):
            ridged[0, j] -= moments[i - 1] * inverse[i, j]
            ridged[i, j] = inverse[i, j]
    out[0] = moments[0]
    out[1] = moments[1]
    out[2] = moments[2]
    position = 3
    for i in range(4):
        for j in range(i, 4):
            out[position] = inverse[i, j]
            for k in range(4):
                out[position] += epsilon * ridged[k, i] * ridged[k, j]
            position += 1
