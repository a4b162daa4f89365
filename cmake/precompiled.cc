// The source of the target whose precompiled header other targets reuse.
