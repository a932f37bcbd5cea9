"""The only place that finds rooms, members and endpoints, or spawns them."""
