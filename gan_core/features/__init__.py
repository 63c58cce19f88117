"""Feature networks: what a picture looks like to a network that learned to tell things apart."""
