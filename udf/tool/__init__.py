"""`spindle-udf`: make, test, run and package a function, at its author's desk."""
