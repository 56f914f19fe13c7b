"""Kernel of the learning-based Laplacian: the quadratic form of one window."""

from numba import njit

from hybridmatte.laplacian._spd4_numba import invert_spd


@njit(cache=True)
def learning_based_window(moments, epsilon, room, out):
    """Write mean and T = 2 S - S M S, where F = X S X' is ridge regression on (1, colour - mean).

    With M = X'X and S = (M + epsilon R)^-1, (Id - F)'(Id - F) = Id - X T X'. R is the ridge |w|^2 + b^2 on colour
    weights w and offset b of the original, uncentred features (1, colour). room is (4, 4, 4).
    """
    moment, system, lower, inverse = room[0], room[1], room[2], room[3]
    moment[:] = 0.0
    moment[0, 0] = 9.0
    k = 3
    for i in range(3):
        for j in range(i, 3):
            moment[1 + i, 1 + j] = 9.0 * moments[k]
            moment[1 + j, 1 + i] = 9.0 * moments[k]
            k += 1
    for i in range(4):  # an assignment of arrays takes seconds to compile
        for j in range(4):
            system[i, j] = moment[i, j]
    system[0, 0] += epsilon
    for i in range(3):
        system[0, 1 + i] -= epsilon * moments[i]
        system[1 + i, 0] -= epsilon * moments[i]
        system[1 + i, 1 + i] += epsilon
        for j in range(3):
            system[1 + i, 1 + j] += epsilon * moments[i] * moments[j]
    invert_spd(system, lower, inverse)
    product = system
    for i in range(4):
        for j in range(4):
            product[i, j] = 0.0
            for k in range(4):
                product[i, j] += inverse[i, k] * moment[k, j]
    out[0] = moments[0]
    out[1] = moments[1]
    out[2] = moments[2]
    position = 3
    for i in range(4):
        for j in range(i, 4):
            out[position] = 2.0 * inverse[i, j]
            for k in range(4):
                out[position] -= product[i, k] * inverse[k, j]
            position += 1
