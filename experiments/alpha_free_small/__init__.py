"""The alpha-free paper's Tables 1 and 4 and Fig. 2 at the size of two CPU cores."""
