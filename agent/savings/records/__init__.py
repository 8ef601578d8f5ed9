"""Records of savings and their repository in the state file."""
