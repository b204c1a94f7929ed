"""Initial and exact states, one problem per file."""
