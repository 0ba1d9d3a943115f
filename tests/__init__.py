"""The tests: a folder for each of python/'s packages, godot/ for what runs in the engine, tools/ for the set-up."""
