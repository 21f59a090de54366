"""From a study to a finished case: the plan, the line, the outputs."""
