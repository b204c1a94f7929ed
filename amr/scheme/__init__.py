"""The finite-volume scheme on blocks: ghosts, fluxes, reflux, transfer, time step."""
