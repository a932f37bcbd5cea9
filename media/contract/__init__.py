"""What actors may ask of media, and what they are told: plain data."""
