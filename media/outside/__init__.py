"""What is reached outside by streams in and out: which addresses may be, and how."""
