/* Refinement indicators: one number per block from the cells of one primitive variable, and where in the block it is large.
 *
 * Every indicator is built from differences of a cell to its neighbours along an axis, a = u[+1] - u, b = u - u[-1], and sums
 * terms of opposite sides and of axes x and y commutatively, so that mirrored or (in 2D) transposed data give the same bits.
 * Formulas, thresholds and blind spots: docs/indicators.md. NaN cells count as not flagged; the step's check finds them.
 */
#ifndef AMR_INDICATE_H
#define AMR_INDICATE_H
#include "amr.h"
#include "ghosts.h"

typedef enum {
  AMR_JUMP = 0,              /* max over axes of max(|a|, |b|) / scale */
  AMR_SECOND_DIFFERENCE = 1, /* max over axes of |a - b| / scale */
  AMR_LOHNER = 2,            /* max over axes of |a - b| / (|a| + |b| + 4 filter scale) */
  AMR_LOHNER_FLASH = 3,      /* FLASH's estimate: stencil of width 2, mixed derivatives, filter on |u|; needs g >= 2 */
} amr_indicator_id;

typedef struct {
  int id;        /* amr_indicator_id */
  int buffer;    /* cells, 0..n */
  double tau;    /* a cell is hot when its value is > tau */
  double scale;  /* what differences are measured by; <= 0 (a variable that is 0 everywhere): no cell has a value */
  double filter; /* AMR_LOHNER*: weight of the filter */
  double floor;  /* AMR_LOHNER_FLASH: added to the filter as a value of |u|, so that round-off about 0 is not refined */
} amr_indicator;

/* An indicator of one primitive variable; several jobs may fold into one column. */
typedef struct {
  amr_indicator indicator;
  int variable, column;
} amr_indicator_job;

/* Evaluate the n_job jobs on the interior cells of the n_list blocks of `list` and fold them into what is there:
 * eta[block][column] = max(eta, cells), near[block][column] |= mask, for n_column columns.
 *
 * Ghosts are those of the pool u, or, unless `ghosts` is NULL, made by it (ghosts->own takes the place of u): one layer along the axes
 * is read; by AMR_LOHNER_FLASH two, and edges. Bit s = (dx+1) + 3 (dy+1) + 9 (dz+1) of the mask is set when some hot cell lies within
 * `buffer` cells of that side, edge or corner of the block; the centre bit (dx = dy = dz = 0) when there is a hot cell at all.
 * Inactive axes have d = 0 only and no place in s. scratch: 3 * layout->block_stride doubles.
 * AMR_BAD_ARGUMENT, and nothing done: unknown id or variable, g too small, buffer outside 0..n. */
amr_status amr_indicate(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                        int64_t n_list, const int32_t *list, int n_job, const amr_indicator_job *jobs, int n_column,
                        double *eta, uint32_t *near, double *scratch);

/* What n_pick primitive variables pick[p] range over in the interior cells of blocks 0..n_block-1 of the pool u: lowest[p], highest[p]
 * (inf and -inf without blocks, NaN ignored). signal, unless NULL: largest |signal speed| over axes and interior cells (0 without
 * blocks). Ghosts need not be filled. scratch: (n_var + 1) * layout->var_stride doubles. */
amr_status amr_primitive_ranges(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                int n_pick, const int32_t *pick, double *lowest, double *highest, double *signal,
                                double *scratch);

/* The n_pick primitive variables pick[p] of blocks 0..n_block-1 of the pool u, ghosts included: w[p][block][k][j][i] (p stride n_block *
 * layout->var_stride). scratch: layout->block_stride doubles. */
amr_status amr_primitive_fields(const amr_physics *physics, const amr_layout *layout, const double *u, int64_t n_block,
                                int n_pick, const int32_t *pick, double *w, double *scratch);

#endif
