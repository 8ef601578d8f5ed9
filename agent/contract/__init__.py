"""Documents that customer and energy-service company sign: the M&V plan, its versions, and the amounts of a month."""
