"""The timetabling core: problem, solver, validator; no web, no database."""
