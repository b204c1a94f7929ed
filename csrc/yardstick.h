/* A bare kernel to judge the solver by: one-stage MUSCL-Hancock with HLLC on blocks of Euler cells, and nothing else. No ghosts are
 * filled, no faces between levels, no check, no choice of a scheme, no fall-back: about what a core can do at best. The ratio of
 * the solver's rate to this one holds on any machine. amr bench measures both in one run.
 */
#ifndef AMR_YARDSTICK_H
#define AMR_YARDSTICK_H
#include "amr.h"

/* Doubles of scratch that amr_yardstick needs for this layout. */
ptrdiff_t amr_yardstick_scratch(const amr_layout *layout);

/* Advance the interiors of n_block blocks by n_step steps, each block on its own: u (pool of density, momentum, energy; gamma 1.4)
 * is updated in place, its ghosts are read and stay as they are. dt_over_h is the step over the cell width, the same in all axes;
 * nothing is checked, so it must be small enough for the states to stay physical. scratch: amr_yardstick_scratch doubles,
 * contents do not matter. Returns AMR_BAD_ARGUMENT unless dim is 2 or 3, g is 2 and n_var is dim + 2. */
amr_status amr_yardstick(const amr_layout *layout, int64_t n_block, int n_step, double dt_over_h, double *u,
                         double *scratch);

#endif
