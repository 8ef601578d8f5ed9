"""Unknown devices: find them on a bus (`magwatt scan`) and identify their model (`magwatt identify`)."""
