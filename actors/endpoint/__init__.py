"""Endpoints: registered places that events are delivered to."""
