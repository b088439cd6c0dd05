"""The ways to run an implementation, in a child process: the parent's side, the child's, and a runner per kind."""
