"""Figures for Prometheus: counted as plain numbers where things happen, put together when asked for."""
