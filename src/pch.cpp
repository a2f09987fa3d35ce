// Compiles src/pch.h once for all layers.
