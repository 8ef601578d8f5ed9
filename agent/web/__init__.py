"""The local page and its API, a process of its own: `magwatt web`. It reads; nothing here writes to a device."""
