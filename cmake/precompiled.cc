// Compiled only so that there is a target whose precompiled header others reuse.
