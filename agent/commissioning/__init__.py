"""Discovery, self-check, wizard and doctor."""
