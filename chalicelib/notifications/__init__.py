"""Notifications: emails to buyers, and their preferences."""
