"""Live messages of the agent on a UNIX socket, one way, for programs of this computer such as `magwatt web`."""
