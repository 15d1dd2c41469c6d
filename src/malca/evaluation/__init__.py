"""How much the search finds, and how much of what it finds is real: functions of tables and arrays."""
