"""Agreement of predictions with scores, with defined results for degenerate inputs."""
