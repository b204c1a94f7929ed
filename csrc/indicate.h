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
  AMR_MULTIRESOLUTION =
      4, /* max over axes and both alignments of |u - P(R u)| / scale, indicate_detail.h; needs g >= 2 */
} amr_indicator_id;

typedef struct {
  int id;        /* amr_indicator_id */
  int buffer;    /* cells, 0..n */
  double scale;  /* what differences are measured by; <= 0 (a variable that is 0 everywhere): no cell has a value */
  double filter; /* AMR_LOHNER*: weight of the filter */
  double floor;  /* AMR_LOHNER_FLASH: added to the filter as a value of |u|, so that round-off about 0 is not refined */
} amr_indicator;

/* An indicator of one primitive variable; several jobs may fold into one column. Column -1, with AMR_MULTIRESOLUTION only: none. */
typedef struct {
  amr_indicator indicator;
  int variable, column;
} amr_indicator_job;

/* What is found, each folded into what is there. Arrays are [block][column] unless said otherwise. */
typedef struct {
  int n_column;
  const double *tau; /* read; a cell is hot when its value is > tau */
  const double *low; /* read with `parent` */
  double *eta;       /* largest value of the interior cells */
  uint32_t *near;    /* see below */
  /* NULL, or the same as eta with the block's variables averaged over its parent's cells, if all values of the block are <= low;
   * else eta. Needs g >= 2, n >= 8. */
  double *parent;
  /* [block], or NULL: what the AMR_MULTIRESOLUTION jobs find in the tree's alignment: what the block has that its parent could not
   * tell. */
  double *detail;
  const uint8_t *ranged;    /* [variable], or NULL: 1 where `lowest` and `highest` are wanted */
  double *lowest, *highest; /* [variable]: range over the interior cells; read and written where `ranged` says */
} amr_indicated;

/* Doubles of work space of amr_indicate. */
ptrdiff_t amr_indicate_scratch(const amr_layout *layout);

/* Evaluate the n_job jobs on the interior cells of the n_list blocks of `list` and fold what is found into `out`.
 *
 * Ghosts are those of the pool u, or, unless `ghosts` is NULL, filled by it, all of them (ghosts->own takes the place of u): up to two layers
 * along the axes are read; by AMR_LOHNER_FLASH edges, too. Bit s = (dx+1) + 3 (dy+1) + 9 (dz+1) of `near` is set when some hot cell lies within
 * `buffer` cells of that side, edge or corner of the block; the centre bit (dx = dy = dz = 0) when there is a hot cell at all.
 * Inactive axes have d = 0 only and no place in s. scratch: amr_indicate_scratch(layout) doubles.
 * AMR_BAD_ARGUMENT, and nothing done: unknown id or variable, g too small, buffer outside 0..n. */
amr_status amr_indicate(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                        int64_t n_list, const int32_t *list, int n_job, const amr_indicator_job *jobs,
                        const amr_indicated *out, double *scratch);

#endif
