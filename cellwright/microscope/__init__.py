"""The microscope: what a recurrent layer remembers, forgets and passes on, and how the gradient flows."""
