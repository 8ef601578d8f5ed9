"""Records names that are new: python -m tests.compatibility

Run it after adding a metric, code, key, command, option, path, register or column. A name that is missing from the code
stays in its list. For a new major version, delete the folder `names` first.
"""

from tests.compatibility.recorded import extend

extend()
