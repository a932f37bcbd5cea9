"""The only places that find rooms, peers and endpoints, or spawn them."""
