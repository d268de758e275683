"""Many runs: planned, tried out, estimated, executed by workers, and measured afterwards."""
