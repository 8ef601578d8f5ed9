"""Who is on a wire, and which model: scan and identify."""
