"""How well people agree, and so the highest correlation that a perfect model can expect."""
