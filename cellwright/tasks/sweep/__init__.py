"""Many runs of one task with settings that a search chooses."""
