# SPDX-License-Identifier: MIT
# Lines over sizes, one for each name, ours thick.  Called by tools/bench-page
# with data, out, columns, names, what, unit and note set; a lacking figure
# is "-".
set terminal svg size 960,640 font 'sans,12' background rgb 'white'
set output out
set datafile separator "\t"
set datafile missing '-'
set title what."\n".note noenhanced font 'sans,10'
set logscale xy
set xlabel 'bytes of a message'
set ylabel unit
set xtics ('8' 8, '64' 64, '1K' 1024, '64K' 65536, '1M' 1048576)
set format y '10^{%T}'
set grid xtics ytics lc rgb '#dddddd'
set key outside right top noenhanced samplen 2 font 'sans,10'
name(i) = word(names, i - 1)
width(i) = name(i)[1:5] eq 'shunt' ? 3 : 1.2
dashes(i) = name(i)[1:5] eq 'shunt' ? 1 : 2
plot for [i=2:columns] data using 1:i with linespoints \
    lw width(i) dt dashes(i) pt i ps 0.6 title name(i)
