"""The life of the process: start, signals, reload, drain, stop."""
