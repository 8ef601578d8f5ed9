"""The monthly report: what was saved, how sure that is, from what, and how anybody can check it."""
