"""What carries out attempts; runners know nothing of schedules or stores."""
