"""The exact half of the solver: free a part of a timetable, solve that to the end."""
