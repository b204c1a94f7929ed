"""Octree forest of blocks: leaves, balance, partition, neighbours, block storage. Knows no physics."""
