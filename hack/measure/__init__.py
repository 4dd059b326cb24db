"""What the operator costs and how fast it is, as figures beside a floor that was measured in the same run."""
