"""Recordings: from packets to frames at their time, and to files."""
