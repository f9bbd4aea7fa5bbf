#!/bin/sh
# Runs each fuzz harness over its corpus: make check sets FUZZERS (paths below the build directory) and SOURCE_ROOT.
# A harness built with libFuzzer replays too (-runs=0).
set -e
[ -n "$FUZZERS" ] || { echo "no harness was built"; exit 77; }
for fuzzer in $FUZZERS; do
	name=$(basename "$fuzzer")
	corpus=$SOURCE_ROOT/tests/fuzz/corpus/${name#fuzz_}
	if [ -n "$FUZZING" ]; then
		"./$fuzzer" -runs=0 "$corpus"
	else
		"./$fuzzer" "$corpus"
	fi
done
