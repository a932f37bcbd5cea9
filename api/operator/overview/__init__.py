"""What the operator is shown of rooms, people, streams, recordings, the log and the actors."""
