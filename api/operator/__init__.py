"""The operator's pages and paths, `/-/…`."""
