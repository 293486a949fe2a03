"""What tests of several parts share: a private Redis, real processes, and an upstream to talk to."""
