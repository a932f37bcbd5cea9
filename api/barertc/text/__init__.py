"""What people write and show in a chat, made safe for every page. Knows no rooms, no sockets."""
