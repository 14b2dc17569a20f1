"""The `kg` command: parses, calls one library function, prints. Heavy libraries load in the command that needs them."""
