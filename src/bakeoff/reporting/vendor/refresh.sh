#!/bin/sh
# Bundle what the page uses of the two libraries, at the versions below, with npm and esbuild. Run it in this folder.
set -eu
here=$(pwd)
work=$(mktemp -d)
cp charts.js d3.js plot.js "$work"
cd "$work"
npm install --silent --no-audit --no-fund d3@7.9.0 @observablehq/plot@0.6.17 esbuild@0.28.2
npx esbuild charts.js --bundle --minify --format=iife --target=es2021 --legal-comments=none --outfile="$here/charts.min.js"
cp node_modules/d3/LICENSE "$here/d3.LICENSE"
cp node_modules/@observablehq/plot/LICENSE "$here/plot.LICENSE"
rm -r "$work"
