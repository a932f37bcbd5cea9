"""The plug-ins that need no installing: each a pure part, and a class that runs it."""
