#include "leaf_state.h"

#include <float.h>

#include "mark.h"

AMR_INLINE const double *columns(const amr_leaf_found *f, const char *field, ptrdiff_t i) {
  return (const double *)(field + i * f->stride);
}

AMR_INLINE int n_column(const amr_leaf_found *f) { return f->first[f->n_indicator]; }

void amr_leaf_values(const amr_leaf_found *f, double *value, uint8_t *column) {
  const int m = n_column(f);
  for (ptrdiff_t i = 0; i < f->n; i++) {
    const double *eta = columns(f, f->eta, i), *refine = f->refine + i * m;
    value[i] = 0, column[i] = 0;
    for (int a = 0; a < f->n_indicator; a++) {
      double most = 0;
      int of = f->first[a];
      for (int c = f->first[a]; c < f->first[a + 1]; c++) {
        const double ratio = eta[c] / refine[c];
        if (ratio > most) most = ratio, of = c;
      }
      if (a == 0 || (f->every ? most < value[i] : most > value[i])) value[i] = most, column[i] = (uint8_t)of;
    }
  }
}

void amr_leaf_hot(const amr_leaf_found *f, const int8_t *level, int max_level, uint32_t centre, const double *threshold,
                  amr_leaf_state *state, uint32_t *near, uint8_t *hot, uint8_t *sampled, uint8_t *hot_columns) {
  const int m = n_column(f);
  for (ptrdiff_t i = 0; i < f->n; i++) {
    const double *eta = columns(f, f->eta, i), *refine = f->refine + i * m;
    sampled[i] = f->sampled[i * f->stride] && level[i] < max_level;
    near[i] = *(const uint32_t *)(f->near + i * f->stride) | (sampled[i] ? centre : 0);
    hot[i] = (near[i] & centre) != 0;
    for (int c = 0; c < m; c++) hot_columns[i * m + c] = hot[i] && eta[c] > refine[c] * threshold[i];
    state[i].held = f->held[i * f->stride] ? AMR_LEAF_HELD : (uint8_t)(state[i].held - (state[i].held > 0));
  }
}

amr_leaf_alarms amr_leaf_alarm(const amr_leaf_looks *looks, const int8_t *level, int max_level, const uint8_t *hot,
                               const uint8_t *sampled, double wake, amr_leaf_state *state, uint8_t *alarm) {
  amr_leaf_alarms found = {0, 0, 0, 0};
  for (ptrdiff_t i = 0; i < looks->n; i++) {
    amr_leaf_state *s = state + i;
    alarm[i] = hot[i] && level[i] < max_level;
    s->kind = (int8_t)(alarm[i] ? looks->kind[i * looks->stride] : -1);
    s->ghost_wait = (uint16_t)(s->ghost_wait - (s->ghost_wait > 0));
    s->noise_wait = (uint16_t)(s->noise_wait - (s->noise_wait > 0));
    s->bar = AMR_BAR_NONE;
    if (wake > 0 && alarm[i] && !sampled[i] && s->ghost_wait > 0) {
      if (*(const double *)(looks->rms + i * looks->stride) > wake * s->alarm_rms)
        s->ghost_wait = 0, s->ghosts = 0;
      else
        s->bar = AMR_BAR_GHOST;
    }
    found.n_alarm += alarm[i], found.has_kinds |= s->kind >= 0, found.has_trials |= s->trial > 0;
    for (int k = 0; k < AMR_LEAF_SAMPLES - 1; k++) found.has_samples |= s->samples[k][0] == s->samples[k][0];
  }
  return found;
}

void amr_leaf_calm(const amr_leaf_found *f, const amr_leaf_state *state, const amr_leaf_votes *v, double factor,
                   uint8_t *calm) {
  const int m = n_column(f);
  for (ptrdiff_t i = 0; i < f->n; i++) {
    const double *parent = columns(f, f->parent, i), *coarsen = f->coarsen + i * m, at = factor * v->threshold[i];
    int low = 1;
    for (int c = 0; c < m; c++) low &= parent[c] < coarsen[c] * at;
    low = (low || v->low[i]) && !v->on_trial[i] && !(v->value[i] > at) && !v->sampled[i] && !state[i].held;
    calm[i] = (uint8_t)(low ? (state[i].calm < 254 ? state[i].calm : 254) + 1 : 0);
  }
}

/* Largest parent / coarsen; a column that never lets a leaf coarsen (0) makes it infinite or not a number. */
AMR_INLINE double largest_parent(const double *parent, const double *coarsen, int m) {
  double most = parent[0] / coarsen[0];
  for (int c = 1; c < m; c++) {
    const double ratio = parent[c] / coarsen[c];
    if (!(ratio <= most)) most = most != most ? most : ratio;
  }
  return most;
}

AMR_INLINE float limited(double x) { return (float)(x > FLT_MAX ? FLT_MAX : x); }

ptrdiff_t amr_leaf_note(const amr_leaf_found *f, const amr_leaf_votes *v, const amr_leaf_decided *d, int dim,
                        amr_leaf_state *state) {
  const int m = n_column(f);
  ptrdiff_t shares = 0;
  for (ptrdiff_t i = 0; i < f->n; i++) {
    amr_leaf_state *s = state + i;
    const double *refine = f->refine + i * m, at = d->factor * v->threshold[i];
    s->calm = d->calm[i], s->cause = d->cause[i];
    if (v->sampled[i] && d->cause[i] == AMR_CAUSE_INDICATOR)
      s->cause = f->held[i * f->stride] ? AMR_CAUSE_PROBE : AMR_CAUSE_SAMPLING;
    if (s->held && d->cause[i] == AMR_CAUSE_PATIENCE) s->cause = AMR_CAUSE_PROBE;
    if (v->hot[i] && d->level[i] == d->max_level) s->bar = AMR_BAR_MAX_LEVEL;
    if (m) {
      s->column = d->column[i], s->refine = (float)(refine[d->column[i]] * at);
      s->value = limited(v->value[i] / at);
      s->parent = limited(largest_parent(columns(f, f->parent, i), f->coarsen + i * m, m) / at);
    }
    const int is_back = s->since < 3 && d->flags[i] && s->last == -d->flags[i];
    if (is_back) shares += d->flags[i] > 0 ? 1 << dim : 1;
    s->since = (uint8_t)((s->since < 254 ? s->since : 254) + 1);
  }
  return shares;
}
