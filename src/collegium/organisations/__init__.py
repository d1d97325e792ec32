"""The organisations of a university: faculties, departments, campuses."""
