// Compiled to provide a target whose precompiled header other targets reuse.
