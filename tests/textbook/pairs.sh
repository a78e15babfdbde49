#!/bin/sh
# SPDX-License-Identifier: MIT
# limit: 120
# Every pair of textbook programs, in every mixture of plain and shunt that has
# the bytes in common, whichever starts first or both at once: each prints
# exactly what it must, and nothing is left behind.
. "$(dirname "$0")/lib.sh"

# orders A B
orders() {
	pair after "$1" "$2"
	pair after "$2" "$1"
	pair at-once "$1" "$2"
	pair at-once "$2" "$1"
}

for a in plain shunt; do
	for b in plain shunt; do
		orders 1_producer_$a 1_consumer_$b
		orders 2_writer_$a 2_reader_$b
		orders 3_struct_writer_$a 3_struct_reader_$b
		orders 3_list_writer_$a 3_list_reader_$b
	done
	for ROUNDS in 1 10; do
		orders 5_writer_$a 5_reader_$a
	done
	for kind in private anon; do
		launch 6_${kind}_$a "$T/a"
		printed 6_${kind}_$a "$PID" "$T/a" 'parent and child'
		clean "6_${kind}_$a"
	done
done
