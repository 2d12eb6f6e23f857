"""Parts of networks that several tasks are made of."""
