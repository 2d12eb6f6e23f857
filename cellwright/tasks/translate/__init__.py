"""A text into another: an encoder, attention, a decoder, beam search."""
