"""How each table comes from those of the core: functions that name what they rest on, and scopes they are made for."""
