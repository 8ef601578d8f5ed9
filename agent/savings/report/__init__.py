"""The monthly report: the saving, its uncertainty and origin, and its verification."""
