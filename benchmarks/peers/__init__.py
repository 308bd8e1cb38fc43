"""What ours is measured beside: Icecast, a C loop of send(), nginx."""
