"""What happens to channels, handed out to whoever listens for it: API clients and webhooks."""
