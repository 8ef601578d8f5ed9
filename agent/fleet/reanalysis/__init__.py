"""The past, analysed again: a function over the snapshots or the ledgers of a lake, in many processes."""
