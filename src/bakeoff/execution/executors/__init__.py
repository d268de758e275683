"""Where runs execute: a pool of processes on this machine."""
