"""Records of savings and their storage in the state file."""
