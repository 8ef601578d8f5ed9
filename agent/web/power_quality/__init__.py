"""The Power quality view: phasors, harmonics, events of the supply."""
