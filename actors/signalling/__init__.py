"""What peers signal to each other by id, whichever dialect each of them speaks."""
