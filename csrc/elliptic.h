/* The composite operator A phi = -div(beta grad phi) + alpha phi on the leaves of a 2:1 balanced mesh, as entries of a matrix.
 *
 * Every row is the balance of one cell times its volume: fluxes beta dphi/dn through the faces times their areas, and volume alpha phi.
 * What leaves a cell through a face enters the cell behind it with the same number, so that the columns of the flux part sum to zero,
 * and the matrix of a mesh of one level is symmetric. The number of a cell is leaf * n^dim + its place in the block, x fastest.
 *
 * Face between cells of one level: harmonic mean of beta; right for a jump of beta at the face. Face between levels: the finer side
 * computes one flux per fine face and gives it to the coarse cell, too. Its coarse value is interpolated along the face, by parabolas
 * through three coarse cells an axis, and where beta is smooth the derivative is that of a parabola through two fine cells and that value
 * (Martin & Cartwright, 1996); else the flux is that of two resistances in series. A neighbour along the face that is outside the domain
 * or across a jump of beta is not used: a line through the two others takes the parabola's place. "Jump": a ratio above AMR_BETA_JUMP.
 * With a temperature > 0 the operator is that of Fokker and Planck, A p = -div(T grad p + p grad E) + alpha p, and beta holds E / T:
 * exponentially fitted fluxes (elliptic_fitted.h), an M-matrix for alpha >= 0, whose exact steady state is exp(-E / T). There is no flux
 * through the sides of the domain then.
 * A side of the domain: a phi + b dphi/dn = g with outward n; dphi/dn from the cell's centre to the face.
 */
#ifndef AMR_ELLIPTIC_H
#define AMR_ELLIPTIC_H

#include "amr.h"
#include "csr.h"
#include "sfc.h"

static const double AMR_BETA_JUMP = 2.0;

typedef struct {
  const amr_forest *forest;
  ptrdiff_t lo, m;         /* the leaves lo to lo + m are those of this rank */
  const int8_t *relation;  /* [m][3^dim], as amr_neighbors gives them */
  const int32_t *neighbor; /* [m][3^dim] */
  amr_layout layout;       /* of beta; at least one ghost cell */
  const double *spacing;   /* [m][3] */
  const double
      *beta; /* pool of m blocks of one variable, >= 0; ghosts filled, coarser data copied and not interpolated; the
                              ghost beside a face at the end of the domain holds beta at the face */
  const double *alpha;  /* [m][n^dim], or one number for all cells */
  ptrdiff_t alpha_step; /* 1, or 0 for one number */
  double temperature;   /* 0: the operator with beta */
  double robin[6][2];   /* a, b >= 0 of each direction, not both zero; read at the end of the domain only */
} amr_elliptic;

/* Rows. That of a cell is *plain* where none of its faces is one between levels: complete on this rank, 2 dim + 1 entries at most,
 * written to its place in the order of the columns. The others are *irregular*: their entries come as triplets, several for one place and
 * some for cells of other ranks, which have to be brought there (csr.h). Irregular is a cell of a period of two cells, too, whose two
 * faces have the same cell behind. */

/* a->start[1 + i] := entries of row i (from the first of this rank on) where it is plain, -1 - k in the k-th irregular one; the number of
 * these. Reads no beta, alpha, spacing, robin. */
ptrdiff_t amr_elliptic_row_counts(const amr_elliptic *e, amr_csr *a);

/* a->col of the plain rows, for complete a->start. Reads no beta, alpha, spacing, robin. */
void amr_elliptic_row_places(const amr_elliptic *e, amr_csr *a);

/* a->value of the plain rows. */
void amr_elliptic_row_values(const amr_elliptic *e, amr_csr *a);

/* Number of the triplets. Reads no beta, alpha, spacing, robin. */
ptrdiff_t amr_elliptic_count(const amr_elliptic *e);

/* row, col[amr_elliptic_count], numbers of cells of the whole mesh. Reads no beta, alpha, spacing, robin. */
void amr_elliptic_places(const amr_elliptic *e, int64_t *row, int64_t *col);

/* value[amr_elliptic_count], in the order of the places; those of one place are to be added. */
void amr_elliptic_values(const amr_elliptic *e, double *value);

/* The faces of this rank's blocks to coarser blocks, face by face of the fine cells; temperature 0. */
typedef struct {
  ptrdiff_t n, n_entry;
  int64_t *fine, *coarse; /* [n]: the cells on both sides */
  int64_t *row, *col;     /* [n_entry]: face, cell */
  double *value; /* [n_entry]: weight of the cell in beta dphi/dn times the area, from the fine to the coarse cell */
} amr_elliptic_faces;

/* faces->n and n_entry. Reads no beta, alpha, spacing, robin. */
void amr_elliptic_face_count(const amr_elliptic *e, amr_elliptic_faces *faces);

/* The arrays, which have that many elements; those of one row and col are to be added. Reads no alpha. */
void amr_elliptic_face_fluxes(const amr_elliptic *e, amr_elliptic_faces *faces);

#endif
