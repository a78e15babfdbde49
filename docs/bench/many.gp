# SPDX-License-Identifier: MIT
# Messages a second of each name, 64 bytes, a bar for each pattern.  Called by
# tools/bench-page with data, out, columns, what, unit and note set.
set terminal svg size 900,620 font 'sans,12' background rgb 'white'
set output out
set datafile separator "\t"
set datafile missing '-'
set title what."\n".note noenhanced font 'sans,11'
set logscale y
set ylabel unit
set format y '10^{%T}'
set grid ytics lc rgb '#dddddd'
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8 noborder
set xtics rotate by -35 noenhanced font 'sans,10'
set key top right
plot for [i=2:columns] data using i:xtic(1) title word(names, i - 1)
