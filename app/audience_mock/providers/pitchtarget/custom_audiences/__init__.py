"""Custom audiences, and their paths of 2014-04."""
