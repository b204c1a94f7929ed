/* From what was found in leaves to what the marks want, and what is remembered of each leaf from regrid to regrid.
 *
 * Each rank does this for its own leaves: one pass each instead of many small ones of NumPy.
 */
#ifndef AMR_LEAF_STATE_H
#define AMR_LEAF_STATE_H

#include "amr.h"

enum { AMR_LEAF_SAMPLES = 4 };

/* The record of amr.indicators.leaf_state.LEAF_STATE, byte for byte. */
typedef struct __attribute__((packed)) {
  uint8_t calm;
  int8_t last;
  uint8_t since, cause, bar, column;
  int8_t kind;
  uint8_t trial, age, ghosts, noises, hold;
  uint16_t ghost_wait, noise_wait;
  uint8_t held;
  float value, parent, refine;
  double alarm_rms;
  float samples[AMR_LEAF_SAMPLES][3];
} amr_leaf_state;

/* Values of amr.indicators.leaf_state.Cause and Bar that are set here; the others come from mark.h. */
enum { AMR_CAUSE_SAMPLING = 2, AMR_CAUSE_PROBE = 9 };
enum { AMR_BAR_NONE = 0, AMR_BAR_MAX_LEVEL = 1, AMR_BAR_GHOST = 4 };

/* Regrids that a finding of a probe keeps a leaf. */
enum { AMR_LEAF_HELD = 64 };

/* What was found in n leaves: records `stride` bytes apart, each pointer to its field in the first one; aligned. */
typedef struct {
  ptrdiff_t n, stride;
  const char *eta, *parent;   /* double [n_column]: as it is, on the cells that the parent would have */
  const char *near;           /* uint32_t: bits as amr_indicate sets them */
  const char *sampled, *held; /* uint8_t: samples want it finer, or as fine as it is */
  int n_indicator;
  const int32_t *first;           /* [n_indicator + 1]: first column of each indicator, and their number */
  int every;                      /* a leaf is hot where every indicator is above its `refine`; 0: where any is */
  const double *refine, *coarsen; /* [n][n_column] */
} amr_leaf_found;

/* value[i] := the largest eta / refine of an indicator's columns, of several indicators the largest, or the smallest with `every`; 0 without
 * columns. column[i] := the first column that has it. */
void amr_leaf_values(const amr_leaf_found *f, double *value, uint8_t *column);

/* sampled[i] := samples want leaf i finer and it is below max_level; near[i] := what is near it, the centre bit set where it is
 * sampled; hot[i] := 0 or 1, the centre bit; hot_columns[n][n_column] := 0 or 1, which columns of a hot leaf are above `refine` times
 * threshold[i]. Counts on `held` of the state: AMR_LEAF_HELD where it is held, else one less. */
void amr_leaf_hot(const amr_leaf_found *f, const int8_t *level, int max_level, uint32_t centre, const double *threshold,
                  amr_leaf_state *state, uint32_t *near, uint8_t *hot, uint8_t *sampled, uint8_t *hot_columns);

/* What the guards saw in n leaves: records `stride` bytes apart, each pointer to its field in the first one; aligned. */
typedef struct {
  ptrdiff_t n, stride;
  const char *kind; /* int8_t: class, of an alarmed leaf */
  const char *rms;  /* double: rms second difference */
} amr_leaf_looks;

/* What has to be looked at more closely. */
typedef struct {
  ptrdiff_t n_alarm;
  int has_kinds;   /* some alarmed leaf has a class */
  int has_samples; /* some leaf was looked at in one of the last regrids but the oldest remembered */
  int has_trials;  /* some leaf is on trial */
} amr_leaf_alarms;

/* The alarms, hot leaves below max_level: kind of the state, -1 where there is no alarm; waits counted down; bar := none. With wake > 0 an
 * alarm at a place that waits, and that samples have not raised, is barred as a ghost, unless the rms is above `wake` times that at the last
 * alarm, which ends the wait. */
amr_leaf_alarms amr_leaf_alarm(const amr_leaf_looks *looks, const int8_t *level, int max_level, const uint8_t *hot,
                               const uint8_t *sampled, double wake, amr_leaf_state *state, uint8_t *alarm);

/* What a decision weighs of each leaf, [n]. Thresholds are in units of `refine` and `coarsen`. */
typedef struct {
  const double *value, *threshold;
  const uint8_t *hot, *sampled;
  const uint8_t *low;      /* nothing there that its parent could not tell, whatever the columns say */
  const uint8_t *on_trial; /* it may not coarsen yet */
} amr_leaf_votes;

/* calm[i] := regrids in a row, this one included and at most 255, that leaf i could do without were the thresholds `factor` times as
 * high; 0 if it cannot now. */
void amr_leaf_calm(const amr_leaf_found *f, const amr_leaf_state *state, const amr_leaf_votes *v, double factor,
                   uint8_t *calm);

/* What was decided: [n] but for `factor`, by which a cell budget has raised the thresholds. */
typedef struct {
  const uint8_t *calm, *cause, *column;
  const int8_t *flags, *level;
  int max_level;
  double factor;
} amr_leaf_decided;

/* Bring the state up to date. Returns the places that changed their mind within 3 regrids, times 2^dim: each of the siblings that join
 * counts as its share of the place, so that leaves may be counted apart. dim: of the tree. */
ptrdiff_t amr_leaf_note(const amr_leaf_found *f, const amr_leaf_votes *v, const amr_leaf_decided *d, int dim,
                        amr_leaf_state *state);

#endif
