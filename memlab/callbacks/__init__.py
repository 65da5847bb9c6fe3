"""Callbacks that run after fitting and during tests."""
