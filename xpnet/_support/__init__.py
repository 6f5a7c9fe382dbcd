"""What every floor may use: types, trees of arrays, optional packages, whole files, seeds."""
