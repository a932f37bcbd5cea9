"""Peers of devices: programs without a browser, whose data and media are UDP ports."""
