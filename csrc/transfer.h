/* Restriction (fine to coarse) and prolongation (coarse to fine) of boxes of cells. Box ops: copy.h. */
#ifndef AMR_TRANSFER_H
#define AMR_TRANSFER_H
#include "amr.h"
#include "copy.h"

/* dst box := average of the 2^dim cells of the source under each of its cells; `from` is the first fine cell. The sum pairs opposite
 * corners, so that the result keeps its bits when the data are mirrored along any axis and, in 2D, when x and y are exchanged. */
void amr_restrict_boxes(const amr_layout *from, const double *src, const amr_layout *to, double *dst, ptrdiff_t n_op,
                        const int32_t *ops);

/* The same into a message buffer. */
void amr_restrict_pack(const amr_layout *from, const double *src, double *buffer, ptrdiff_t n_op, const int32_t *ops);

typedef enum {
  AMR_PROLONG_LIMITED = 0,  /* u_c + 0.25 (+-s_x +- s_y +- s_z), s: MC-limited differences of the coarse cells */
  AMR_PROLONG_CONSTANT = 1, /* u_c */
  AMR_PROLONG_LOW_PASS = 2, /* polynomials through five cells an axis where these are smooth, else limited */
} amr_prolong_mode;

/* Box of `size` cells from the cell `to` of the fine block dst := prolonged cells of the coarse block src, which covers the region of
 * the fine one: fine cell f lies in coarse cell floor(f / 2), whose two neighbours along every active axis must be set (limited mode),
 * or two on either side and those at edges (low-pass mode). The children of a coarse cell average to it up to round-off. If one of the 2^dim children, inside the box or not, fails
 * amr_is_physical, all get the value of the coarse cell. Returns the number of coarse cells this happened to. `physics` is not read
 * in constant mode. */
ptrdiff_t amr_prolong_box(const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                          const double *src, const amr_layout *fine, double *dst, const int32_t *to,
                          const int32_t *size);

/* The same for n_op boxes of pools. */
ptrdiff_t amr_prolong_boxes(const amr_physics *physics, amr_prolong_mode mode, const amr_layout *coarse,
                            const double *src, const amr_layout *fine, double *dst, ptrdiff_t n_op, const int32_t *ops);

#endif
