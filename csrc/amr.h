/* Common types of the C core: the layout of a block, the physics in use, the status of a call.
 *
 * Rules of csrc/: no Python.h, no mpi.h, no printing, no allocation, no mutable globals. A function that can fail returns an
 * amr_status. Arrays are u[block][var][k][j][i], doubles, ghosts included; axis 0 is x and runs fastest.
 */
#ifndef AMR_H
#define AMR_H

#include <stddef.h>
#include <stdint.h>

/* Run-time dispatch: one binary holds x86-64 v2..v4 bodies of a hot entry point, and the loader picks one. Contraction to FMA is
 * off (setup.py), so that all of them give the same bits. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 \
    && !defined(AMR_NO_CLONES)
#define AMR_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define AMR_CLONES
#endif
#define AMR_INLINE static inline __attribute__((always_inline))

/* n rounded up to whole vectors of the widest instruction set. A loop to this bound has no remainder loop: shorter code, and
 * faster where the rows are short. */
AMR_INLINE ptrdiff_t amr_whole(ptrdiff_t n) { return (n + 7) & ~(ptrdiff_t)7; }

enum { AMR_MAX_DIM = 3, AMR_MAX_VAR = 16 };

typedef enum {
  AMR_OK = 0,
  AMR_UNPHYSICAL = 1,   /* a state failed amr_is_physical */
  AMR_BAD_ARGUMENT = 2, /* an id, a size or a combination is not offered */
} amr_status;

/* Geometry of one block in memory. Derived members follow from dim, n, g and n_var. */
typedef struct {
  int dim;             /* 1, 2 or 3 */
  int n;               /* cells per active axis */
  int g;               /* ghost cells per side of an active axis */
  int n_var;           /* variables */
  int ext[3];          /* cells with ghosts per axis (i, j, k); 1 in an inactive axis */
  int gh[3];           /* ghost width per axis; 0 in an inactive axis */
  ptrdiff_t stride[3]; /* doubles from a cell to its upper neighbour along the axis */
  ptrdiff_t var_stride, block_stride;
} amr_layout;

static inline amr_layout amr_make_layout(int dim, int n, int g, int n_var) {
  amr_layout l = {.dim = dim, .n = n, .g = g, .n_var = n_var};
  ptrdiff_t s = 1;
  for (int a = 0; a < 3; a++) {
    l.gh[a] = a < dim ? g : 0;
    l.ext[a] = a < dim ? n + 2 * g : 1;
    l.stride[a] = s;
    s *= l.ext[a];
  }
  l.var_stride = s;
  l.block_stride = s * n_var;
  return l;
}

/* Offset in a block of the cell (i, j, k) counted from the first interior cell; ghosts are negative or >= n. */
static inline ptrdiff_t amr_cell(const amr_layout *l, int i, int j, int k) {
  return (i + l->gh[0]) + (j + l->gh[1]) * l->stride[1] + (k + l->gh[2]) * l->stride[2];
}

/* Ask for a block of a pool that is read or written soon, while another one is computed. */
AMR_INLINE void amr_prefetch(const amr_layout *l, const double *pool, ptrdiff_t block, int is_written) {
  const double *from = pool + block * l->block_stride;
  for (ptrdiff_t c = 0; c < l->block_stride; c += 8) {
    if (is_written)
      __builtin_prefetch(from + c, 1, 2);
    else
      __builtin_prefetch(from + c, 0, 2);
  }
}

/* A set of equations, its dimension and its parameters. The ids are stable: Python keeps the names. */
typedef enum {
  AMR_ADVECTION = 0,       /* constant velocity: param[0..2] */
  AMR_ADVECTION_FIELD = 1, /* velocity stored as static variables 1..dim */
  AMR_BURGERS = 2,
  AMR_ACOUSTICS = 3, /* param[0] density, param[1] sound speed */
  AMR_EULER = 4, /* param[0] gamma; n_scalar passive scalars after the energy. With viscous fluxes (viscous.h): param[2]
                            viscosity, param[3] conductivity, param[4] density * diffusivity of the scalars, param[1] the
                            largest diffusivity times density, which limits the step; all 0 without */
  AMR_SHALLOW_WATER = 5, /* param[0] gravity */
  AMR_SPECIES = 6,       /* quantities that no flux carries: 1 + n_scalar */
} amr_physics_id;

typedef struct {
  int id, dim, n_var, n_scalar;
  double param[8];
} amr_physics;

#endif
