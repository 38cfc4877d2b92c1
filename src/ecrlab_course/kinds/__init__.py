"""The kinds of exercises: a file each, and the register that names them."""
