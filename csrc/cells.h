/* Indicators that look at several variables at once: a value per cell first, then what a block makes of its cells.
 *
 * Values are arrays [block][k][j][i] of interior cells without ghosts, n^dim per block. Formulas: docs/indicators.md. Terms of opposite
 * sides and of the axes x and y are combined commutatively, so that mirrored or (in 2D) transposed data give the same bits.
 */
#ifndef AMR_CELLS_H
#define AMR_CELLS_H
#include "amr.h"
#include "ghosts.h"

typedef enum {
  AMR_VORTICITY = 0, /* |curl v| h / scale; dim > 1 */
  AMR_SHOCK_SENSOR =
      1, /* max over axes of |p[+1] - 2 p + p[-1]| / (p[+1] + 2 p + p[-1]), times div^2 / (div^2 + curl^2) where div < 0 */
  AMR_PRESSURE_JUMP = 2,   /* max over axes and sides of |p[+-1] - p| / min(p[+-1], p) */
  AMR_SCALAR_GRADIENT = 3, /* sqrt of the sum over axes of (max over sides of |s[+-1] - s| h / h_axis)^2, / scale */
} amr_sensor_id;

typedef struct {
  int id;           /* amr_sensor_id */
  int variable;     /* primitive variable p or s */
  int velocity;     /* first component of the velocity among the primitive variables */
  double weight[3]; /* h / h_axis, h being the shortest side of a cell: the same on all levels */
  double scale;     /* what differences are measured by; <= 0: no cell has a value */
  double floor;     /* AMR_SHOCK_SENSOR: velocity difference that is round-off */
} amr_sensor;

/* out[list[m]] := values of the cells of the n_list blocks of `list`. A cell whose p is not > 0 has the value 0. The ghosts are those of
 * the pool u, or, unless `ghosts` is NULL, filled by it (ghosts->own takes the place of u); one layer along the axes is read.
 * scratch: 2 * layout->block_stride doubles. AMR_BAD_ARGUMENT, and nothing done: unknown id or variable, no velocity, g < 1. */
amr_status amr_sense(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                     int64_t n_list, const int32_t *list, const amr_sensor *sensor, double *out, double *scratch);

/* Of each of n_block blocks of n^dim values: eta[block] := largest (0 if all are below), near[block] := mask of the sides, edges and
 * corners that some cell > tau[block] lies within `buffer` cells of (bits as amr_indicate sets them). NaN counts as not above. */
void amr_fold_cells(int dim, int n, int64_t n_block, const double *values, const double *tau, int buffer, double *eta,
                    uint32_t *near);

#endif
