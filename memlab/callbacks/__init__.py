"""What runs after fitting and in test."""
