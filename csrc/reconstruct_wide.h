/* Rows of the reconstructions that look at two cells on either side and give each face of a cell a value of its own. */
#ifndef AMR_RECONSTRUCT_WIDE_H
#define AMR_RECONSTRUCT_WIDE_H
#include "reconstruct.h"

/* For the cells c of `rows` and the variables v < n_row, at distance `row`: the value at the lower face is
 * w[2][v][c] - lower[v][c] / 2, that at the upper face w[2][v][c] + upper[v][c] / 2. w: averages of the cell (2) and of its two lower
 * (0, 1) and upper (3, 4) neighbours along the axis. reconstruction: AMR_PPM or AMR_WENO5Z. lower and upper overlap nothing. */
void amr_wide_slopes(int reconstruction, int n_row, ptrdiff_t row, amr_rows rows, const double *const w[5],
                     double *lower, double *upper);

#endif
