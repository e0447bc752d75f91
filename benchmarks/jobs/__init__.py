"""The job system beside what a competent user would build with the same parts, on the same servers, in turn."""
