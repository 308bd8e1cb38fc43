"""Port 8000: Icecast's protocol for source clients, listeners and administrators."""
