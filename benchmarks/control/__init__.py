"""What the API's benchmark needs: a client that reads events and signs in."""
