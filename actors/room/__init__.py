"""Rooms: who may join, who is in, what they are told."""
