"""What everything in the actors is said with: names, facts, orders, refusals, limits. Pure data."""
