"""Files in and out: checkpoint, ParaView, export, plots, report."""
