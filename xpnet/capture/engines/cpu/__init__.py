"""Machine code for the CPU: plans written in LLVM's language, part by part, and run by one thread or several."""
