/* What an alarmed block holds: smooth, a wave, under-resolved, a discontinuity, noise or an odd-even ghost.
 *
 * The features compare mean squares E of differences of order p of the cell averages with those of the same data restricted by 2 (all
 * 2^dim ways of pairing cells): q = -1/2 log2(E_h / E_2h) is p in smooth data, 1/2 at a jump, -dim/2 in white noise and
 * p + (p + 1) log2 cos(theta/2) in a wave of phase theta per cell. A front, however it is captured, goes up or down; a wave of fewer
 * than five cells, noise and a spike go up and down within five cells. Formulas and measurements: docs/guards.md.
 *
 * Every sum is exact: data are rounded to a grid fine enough, squares too, so that no order of summation shows. Mirrored data and data
 * with axes exchanged have the same classes and features, to the last bit. A variable with NaN is smooth or under-resolved.
 */
#ifndef AMR_CLASSIFY_H
#define AMR_CLASSIFY_H
#include "amr.h"
#include "ghosts.h"

typedef enum {
  AMR_SMOOTH = 0,
  AMR_RESOLVED_WAVE = 1,
  AMR_UNDER_RESOLVED = 2,
  AMR_DISCONTINUITY = 3,
  AMR_NOISE = 4, /* of one block at one time: no ground for a veto alone */
  AMR_ODD_EVEN = 5,
} amr_class_kind;

/* Limits of the decision, in its order. */
typedef struct {
  double alarm;                     /* amplitude below: smooth, and not alarmed */
  double jump_mono;                 /* mono above, and ... */
  double steep_pr;                  /* ... q1 at most resolved_q1 and PR below this times mono, or ... */
  double narrow_pr;                 /* ... q1 above it, PR below this, and ... */
  double jump_q1, jump_q2;          /* ... q1 and q2 below these: discontinuity */
  double resolved_q1;               /* q1 above: smooth or resolved wave ... */
  double wave_cells;                /* ... a wave if it has fewer cells per wave */
  double odd_even_chi, odd_even_pr; /* chi and PR above: odd-even */
  double noise_flh, noise_q3;       /* flh above, q3 below, ... */
  double noise_pr[2], noise_chi;    /* ... PR between these two, and chi below: noise; else under-resolved */
} amr_class_limits;

/* NaN: a feature that the decision did not need. */
typedef struct {
  double amplitude;  /* largest |second difference| of an interior cell along an axis / scale */
  double rms;        /* root mean square over cells of the second differences of all axes / scale */
  double q1, q2, q3; /* exponents: p = 2 between h and 2h, p = 2 between 2h and 4h, p = 3 between h and 2h */
  double pr; /* participation ratio (sum e)^2 / (cells * sum e^2), e = sum over axes of squared second differences */
  double
      mono; /* whether rows are monotone where they bend, 0..1: (|w[+2] - w[-2]| / variation between)^2, mean over cells and axes
                  weighted with the sum of the squared second differences between */
  double chi; /* share of the odd-even modes in the power of the sum of second differences over axes, 0..1 */
  double
      flh; /* flatness of the Hann periodogram above the lowest quarter of wave numbers, 0..1; rows of all axes added */
  double cells_per_wave; /* of the single wave with the same q1; inf if q1 >= 2 */
  int16_t variable;      /* whose features these are */
  int8_t kind;           /* amr_class_kind */
} amr_block_class;

/* Doubles of scratch that amr_classify needs. */
ptrdiff_t amr_classify_scratch(const amr_layout *layout);

/* Classify the n_list blocks of `list` by n_pick >= 1 primitive variables pick[p], differences measured by scale[p]; a variable with
 * scale <= 0 is not alarmed. found[m] is the class of block list[m]: that of the variable with the gravest kind (in the order
 * under-resolved, discontinuity, resolved wave, smooth, noise, odd-even, not alarmed), of equals that with the largest amplitude.
 * with_all: compute every feature of an alarmed variable, needed or not.
 *
 * Ghosts are those of the pool u, or, unless `ghosts` is NULL, filled by it (ghosts->own takes the place of u): two layers along the axes
 * are read, no edges. AMR_BAD_ARGUMENT, and nothing done: unknown variable, g < 2, n outside 8..64 or odd. */
amr_status amr_classify(const amr_physics *physics, const amr_layout *layout, const double *u, const amr_ghosts *ghosts,
                        int64_t n_list, const int32_t *list, int n_pick, const int32_t *pick, const double *scale,
                        const amr_class_limits *limits, int with_all, amr_block_class *found, double *scratch);

#endif
