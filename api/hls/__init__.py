"""HLS for viewers: views of rooms that are watched by plain HTTP, with a page that plays them."""
