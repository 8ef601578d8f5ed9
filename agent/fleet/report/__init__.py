"""The report of a fleet: savings of all motors with the uncertainty of their sum, and what needs attention."""
