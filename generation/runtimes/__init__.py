"""What turns a chat into text: one contract (`contract`), llama.cpp behind it, and a scripted stand-in for tests."""
