"""The post's equations and the step made of them, over an array namespace `xp`; no array library is known."""
