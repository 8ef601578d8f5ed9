"""What both servers share: the live messages of the motors, their age and quality, and listening."""
