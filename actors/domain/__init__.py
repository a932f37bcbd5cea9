"""Pure rules: no trio, no I/O, no clock. Time and identifiers come in as arguments."""
