"""What is said or written in a recording: connectionist temporal classification."""
