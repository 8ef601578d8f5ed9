"""The commands, by what a person is doing. Each imports what it needs when it runs: `magwatt --help` stays light."""
