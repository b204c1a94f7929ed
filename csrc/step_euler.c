/* The Euler equations: step kernel and pointwise functions. */
#include "riemann_euler.h"
#define AMR_PHYSICS euler
#include "step_body.h"
#include "physics_row.h"
