"""How well predictions agree with people, with stated rules where there is no answer."""
