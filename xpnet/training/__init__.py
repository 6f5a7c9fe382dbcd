"""The equations on data, epoch by epoch."""
