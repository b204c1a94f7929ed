/* High-frequency content of blocks. */
#ifndef AMR_MODAL_H
#define AMR_MODAL_H
#include "amr.h"

/* eta[b] := max(eta[b], largest over all lines of cells along the axes of block b of the root mean square of what w holds in the modes of
 * `basis` there, divided by `scale`). Nothing is done where the scale is not > 0.
 *
 * w: one variable of n_block blocks in the layout, the ghosts not read. basis[m][i], m < n_mode, i < n / 2: first halves of orthonormal modes
 * along a line of n cells; mode m is even or odd about the middle as is_odd[m] says. Sums pair opposite cells, so that mirrored data give
 * the same bits. scratch: 2 n^dim doubles. */
void amr_modal(const amr_layout *layout, int64_t n_block, const double *w, int n_mode, const double *basis,
               const int32_t *is_odd, double scale, double *eta, double *scratch);

#endif
