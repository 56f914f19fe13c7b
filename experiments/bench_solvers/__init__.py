"""Our solvers and other packages' in turn: accuracy, time, memory, import and compilation."""
