"""The local page and its API: `magwatt web`, a separate process. It reads; nothing here writes to a device."""
