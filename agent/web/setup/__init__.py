"""`magwatt init --browser`: the questions of `init` and the walk of `commission` on a phone in front of the cabinet."""
