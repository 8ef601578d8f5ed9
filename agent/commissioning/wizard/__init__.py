"""`magwatt commission`: confirm nameplate and wiring, check the values, and write a record, motor by motor."""
