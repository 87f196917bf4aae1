"""Deploy what was built, on AWS and on the local emulator, and the settings that a stage keeps outside its template."""
