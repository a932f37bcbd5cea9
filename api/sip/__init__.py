"""SIP: telephones, over UDP, TCP and TLS."""
