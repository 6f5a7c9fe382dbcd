"""The post's equations and what a step is made of, over an array namespace `xp`; knows no array library."""
