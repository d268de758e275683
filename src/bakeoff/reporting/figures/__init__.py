"""Charts as files for papers, drawn by matplotlib, and the test images that the page shows."""
