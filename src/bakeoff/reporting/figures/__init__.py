"""Pictures: charts as files for papers, drawn by matplotlib, and the test images that a page shows."""
