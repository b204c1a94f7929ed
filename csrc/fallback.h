/* Which cells of an update must be redone with first-order fluxes. */
#ifndef AMR_FALLBACK_H
#define AMR_FALLBACK_H
#include "amr.h"

/* Set mask = 1 in every interior cell of the n_block blocks of u whose state fails amr_is_physical; other cells keep their mask.
 * mask has the layout of u with one variable. */
void amr_mark_unphysical(const amr_physics *physics, const amr_layout *layout, int64_t n_block, const double *u,
                         double *mask);

/* Number of interior cells with mask > 0. */
int64_t amr_count_mask(const amr_layout *layout, int64_t n_block, const double *mask);

/* Locate the first unphysical interior cell: writes block and cell (i, j, k) to where[4] and its state to state[n_var].
 * Returns 1 if there is one, else 0. */
int amr_find_unphysical(const amr_physics *physics, const amr_layout *layout, int64_t n_block, const double *u,
                        int64_t *where, double *state);

#endif
