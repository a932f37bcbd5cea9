"""What runs in the process of a media job: it decodes and encodes, and knows no server."""
