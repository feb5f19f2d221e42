"""Health inspections and the reports clients read."""
