/* Linear acoustics: step kernel and pointwise functions. */
#include "physics_acoustics.h"
#define AMR_PHYSICS acoustics
#include "step_body.h"
#include "physics_row.h"
