"""The same loss in other libraries: their names, their conventions, and objects that they take for their own."""
