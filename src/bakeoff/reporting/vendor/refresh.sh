#!/bin/sh
# Fetch the two libraries the page inlines, at the versions below, with npm. Run it in this folder.
set -eu
here=$(pwd)
work=$(mktemp -d)
cd "$work"
npm pack --silent d3@7.9.0 @observablehq/plot@0.6.17
for archive in *.tgz; do mkdir "${archive%.tgz}" && tar -xzf "$archive" -C "${archive%.tgz}"; done
cp d3-7.9.0/package/dist/d3.min.js "$here/d3.min.js"
cp d3-7.9.0/package/LICENSE "$here/d3.LICENSE"
cp observablehq-plot-0.6.17/package/dist/plot.umd.min.js "$here/plot.umd.min.js"
cp observablehq-plot-0.6.17/package/LICENSE "$here/plot.LICENSE"
rm -r "$work"
